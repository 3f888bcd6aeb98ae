"""Floor 1: file bytes to page images and text layers."""
