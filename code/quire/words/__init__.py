"""Floor 0: the vocabulary. No IO, no torch, no import from any other room."""
