"""Floor 2: documents in flight, from the page queue to the device worker. No torch."""
