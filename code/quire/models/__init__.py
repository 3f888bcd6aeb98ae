"""Floor 3: page models and their adapters. With the device worker the only torch."""
