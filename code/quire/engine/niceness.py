"""How workers that compute stand behind the processes that answer."""

BELOW_FRONT_END = 3
"""Added to a worker's niceness: /ping and the engine's messages take moments and come first, even where
every core computes."""
