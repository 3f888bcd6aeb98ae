"""How long to wait before a dead worker is started again, and when no restart can help any more."""

from __future__ import annotations

_MAX_SECONDS = 10.0

MAX_FAILED_STARTS = 5
"""After so many deaths in a row, none of which came after a successful start, no restart will help."""

MAX_FRUITLESS_DEATHS = 8
"""After so many deaths in a row without one page read in between: a device that comes up and breaks at
every page. Four pages that kill their worker twice each get as far; a good page among them starts anew."""


class Backoff:
    """Nothing after the first death, then 0.5 s doubling to 10 s, until a worker has done its work."""

    def __init__(self) -> None:
        self.num_deaths = 0
        self.num_failed_starts = 0
        self.not_before = 0.0

    def died(self, now: float) -> None:
        self.not_before = now + (min(_MAX_SECONDS, 0.25 * 2**self.num_deaths) if self.num_deaths else 0.0)
        self.num_deaths += 1
        self.num_failed_starts += 1

    def started(self) -> None:
        """The worker is up: what it will die of is not its start."""
        self.num_failed_starts = 0

    def succeeded(self) -> None:
        self.num_deaths = self.num_failed_starts = 0

    @property
    def is_hopeless(self) -> bool:
        return self.num_failed_starts >= MAX_FAILED_STARTS or self.num_deaths >= MAX_FRUITLESS_DEATHS
