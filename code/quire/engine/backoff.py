"""How long to wait before a dead worker is started again."""

from __future__ import annotations

_MAX_SECONDS = 10.0

MAX_DEATHS_BEFORE_READY = 5
"""After so many deaths in a row, none of which came after a successful start, no restart will help."""


class Backoff:
    """Nothing after the first death, then 0.5 s doubling to 10 s, until a start has succeeded."""

    def __init__(self) -> None:
        self.num_deaths = 0
        self.not_before = 0.0

    def died(self, now: float) -> None:
        self.not_before = now + (min(_MAX_SECONDS, 0.25 * 2**self.num_deaths) if self.num_deaths else 0.0)
        self.num_deaths += 1

    def succeeded(self) -> None:
        self.num_deaths = 0
