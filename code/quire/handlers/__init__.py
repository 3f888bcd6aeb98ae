"""Floor 4: finds the user's functions."""
