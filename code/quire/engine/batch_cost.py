"""What a batch costs: learnt on line, as seconds = fixed + each × items, for each lane and canvas.

Least squares over the batches seen, older ones counting less and less (the idea of BentoML's CORK
dispatcher, for planning and for telling a hang from work; never for refusing any).
"""

from __future__ import annotations

from dataclasses import dataclass

from quire.engine.port import Canvas

_FORGETTING = 0.95
"""What a batch counts after each later one of its kind: the last twenty or so decide."""

_LEAST_SPREAD = 1e-6


@dataclass
class _Sums:
    """Weighted sums over batches of n items that took s seconds."""

    weight: float = 0.0
    n: float = 0.0
    s: float = 0.0
    nn: float = 0.0
    ns: float = 0.0

    def add(self, num_items: int, seconds: float) -> None:
        new = (1.0, num_items, seconds, num_items**2, num_items * seconds)
        old = (self.weight, self.n, self.s, self.nn, self.ns)
        self.weight, self.n, self.s, self.nn, self.ns = (
            _FORGETTING * before + now for before, now in zip(old, new, strict=True)
        )

    def line(self) -> tuple[float, float]:
        """Fixed seconds and seconds an item, neither below nought. Where all batches were of one size
        nothing tells the two apart, and all is taken to be the items'."""
        spread = self.weight * self.nn - self.n**2
        if spread <= _LEAST_SPREAD * self.n**2:
            return 0.0, self.s / self.n
        each = max(0.0, (self.weight * self.ns - self.n * self.s) / spread)
        fixed = (self.s - each * self.n) / self.weight
        return (fixed, each) if fixed >= 0 else (0.0, self.s / self.n)


class BatchCosts:
    """The costs that were seen, in seconds."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, Canvas], _Sums] = {}

    def learn(self, lane: str, canvas: Canvas, num_items: int, seconds: float) -> None:
        """One batch of `num_items` (at least one) took so long."""
        self._sums.setdefault((lane, canvas), _Sums()).add(num_items, seconds)

    def fixed_seconds(self, lane: str, canvas: Canvas) -> float:
        """What a batch costs before its first item: what is saved by joining two. 0.0 while unknown."""
        sums = self._sums.get((lane, canvas))
        return sums.line()[0] if sums else 0.0

    def seconds(self, lane: str, canvas: Canvas, num_items: int) -> float | None:
        """What a batch is expected to take; None where none of its kind was seen."""
        sums = self._sums.get((lane, canvas))
        if sums is None:
            return None
        fixed, each = sums.line()
        return fixed + each * num_items
