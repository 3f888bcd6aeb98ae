"""Which items go over the device next. One pure policy for every lane."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quire.engine.port import Canvas

STARVING_SECONDS = 5.0


@dataclass(frozen=True)
class Waiting:
    """An item that waits. `number` names it; `rank` is its lane's place in the model, later is higher."""

    number: int
    lane: str
    rank: int
    canvas: Canvas
    since: float


@dataclass(frozen=True)
class Batch:
    """Items of one lane on one canvas."""

    lane: str
    canvas: Canvas
    items: tuple[Waiting, ...]


def next_batch(
    waiting: Sequence[Waiting], max_items: Callable[[str, Canvas], int], now: float
) -> Batch | None:
    """The fullest batch there is; of equals the later lane, whose end frees a page sooner, then the
    older. Where any has waited STARVING_SECONDS, the oldest goes first. Within a batch, oldest first."""
    groups: defaultdict[tuple[str, Canvas], list[Waiting]] = defaultdict(list)
    for item in waiting:
        groups[(item.lane, item.canvas)].append(item)

    def urgency(group: tuple[str, Canvas]) -> tuple[bool, float, int, float]:
        items = groups[group]
        oldest = min(item.since for item in items)
        fill = min(1.0, len(items) / max_items(*group))
        is_starving = now - oldest >= STARVING_SECONDS
        return (is_starving, -oldest if is_starving else fill, items[0].rank, -oldest)

    chosen = max(groups, key=urgency, default=None)
    if chosen is None:
        return None
    items = sorted(groups[chosen], key=lambda item: (item.since, item.number))[: max_items(*chosen)]
    return Batch(chosen[0], chosen[1], tuple(items))
