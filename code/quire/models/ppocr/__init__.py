"""PP-OCRv6: the default model, detection and recognition."""
