"""Floor 1: results to bytes; media types and Accept."""
