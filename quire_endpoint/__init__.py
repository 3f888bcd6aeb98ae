"""Runs on a laptop, without torch: the `quire` command. Shares no code with the container."""

__version__ = "0.1.0"
