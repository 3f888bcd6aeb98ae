"""Floor 1: lines of text to reading order and blocks."""
