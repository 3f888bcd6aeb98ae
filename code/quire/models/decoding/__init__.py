"""Models that write what stands on a page token by token: page image to text or JSON."""
