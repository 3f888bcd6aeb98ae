"""The local endpoint's one URL: a server, and which application answers which call."""
