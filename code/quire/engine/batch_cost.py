"""What a batch costs: learnt on line, as seconds = fixed + each × items, for each lane and canvas.

Least squares over the batches seen, older ones counting less and less (the idea of BentoML's CORK
dispatcher, for planning and for telling a hang from work; never for refusing any). Batches of one size
do not tell the fixed part from the items': then the line last drawn keeps its slope's share, and is
only stretched to what batches cost now. So gathering full batches does not unlearn why they are gathered.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

from quire.engine.port import Canvas

_FORGETTING = 0.95
"""What a batch counts after each later one of its kind: the last twenty or so decide."""

_LEAST_SPREAD = 0.01
"""Variance of the sizes over the square of their mean, below which they count as one size."""

_SURENESS = 2.0
"""A fixed cost is believed as far as it exceeds so many of its standard errors."""

_LEAST_BATCHES = 3.5
"""Weight of the batches, four that is, below which nothing can be said of errors."""


@dataclass(frozen=True)
class _Line:
    """Neither part is below nought. `sure` is what the fixed part is at least."""

    fixed: float
    each: float
    sure: float

    def through(self, num_items: float, seconds: float) -> _Line:
        """The same line, stretched until a batch of so many items costs so much."""
        expected = self.fixed + self.each * num_items
        stretch = seconds / expected if expected else 1.0
        return _Line(self.fixed * stretch, self.each * stretch, self.sure * stretch)


@dataclass
class _Sums:
    """Weighted sums over batches of n items that took s seconds, and the last line through sizes that
    differed."""

    weight: float = 0.0
    n: float = 0.0
    s: float = 0.0
    nn: float = 0.0
    ns: float = 0.0
    ss: float = 0.0
    drawn: _Line | None = None

    def add(self, num_items: int, seconds: float) -> None:
        new = (1.0, num_items, seconds, num_items**2, num_items * seconds, seconds**2)
        old = (self.weight, self.n, self.s, self.nn, self.ns, self.ss)
        self.weight, self.n, self.s, self.nn, self.ns, self.ss = (
            _FORGETTING * before + now for before, now in zip(old, new, strict=True)
        )
        if self._spread > _LEAST_SPREAD * self.n**2:
            self.drawn = self._fitted()

    @property
    def _spread(self) -> float:
        return self.weight * self.nn - self.n**2

    def line(self) -> _Line:
        """Where sizes have never differed, all is taken to be the items'."""
        if self.drawn is None:
            return _Line(0.0, self.s / self.n, 0.0)
        return self.drawn.through(self.n / self.weight, self.s / self.weight)

    def _fitted(self) -> _Line:
        each = max(0.0, (self.weight * self.ns - self.n * self.s) / self._spread)
        fixed = (self.s - each * self.n) / self.weight
        if fixed <= 0:
            return _Line(0.0, self.s / self.n, 0.0)
        misfit = self.ss - fixed * self.s - each * self.ns
        if self.weight < _LEAST_BATCHES:
            return _Line(fixed, each, 0.0)
        error = sqrt(max(0.0, misfit) / (self.weight - 2) * self.nn / self._spread)
        return _Line(fixed, each, max(0.0, fixed - _SURENESS * error))


class BatchCosts:
    """The costs that were seen, in seconds."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, Canvas], _Sums] = {}

    def learn(self, lane: str, canvas: Canvas, num_items: int, seconds: float) -> None:
        """One batch of `num_items` (at least one) took so long."""
        self._sums.setdefault((lane, canvas), _Sums()).add(num_items, seconds)

    def fixed_seconds(self, lane: str, canvas: Canvas) -> float:
        """What a batch costs at least before its first item: what is saved by joining two. 0.0 where
        that is unknown or lost in the noise."""
        sums = self._sums.get((lane, canvas))
        return sums.line().sure if sums else 0.0

    def fixed_items(self, lane: str, canvas: Canvas) -> float:
        """How many items cost as much as the batch does before its first; inf where that is unknown."""
        sums = self._sums.get((lane, canvas))
        if sums is None or sums.drawn is None or not sums.drawn.each:
            return inf
        return sums.drawn.fixed / sums.drawn.each

    def seconds(self, lane: str, canvas: Canvas, num_items: int) -> float | None:
        """What a batch is expected to take; None where none of its kind was seen."""
        sums = self._sums.get((lane, canvas))
        if sums is None:
            return None
        line = sums.line()
        return line.fixed + line.each * num_items
