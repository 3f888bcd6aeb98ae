"""Floor 6: the programs that are started."""
