"""Quire: a model-serving container that batches the pages of all documents in flight."""

__version__ = "0.1.0"
