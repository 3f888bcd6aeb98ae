"""What the local endpoint lets one see and do beneath /_quire/: its state, its faults, and why."""
