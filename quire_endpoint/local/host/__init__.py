"""The endpoints that run here: each one's queue and instances, and how a deployment comes and goes."""
