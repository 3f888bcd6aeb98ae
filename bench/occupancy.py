"""How full were the batches, and how many held pages of more than one document?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.batch_log import BatchLine

Limits = Mapping[str, int]
"""`lane canvas`, such as `recognition 48x320`, to the most items that a batch of it may hold."""


@dataclass(frozen=True)
class LaneUse:
    """One lane's batches. `fill` is items over the most that these batches could have held; None where
    a limit is not known. `mixed_share` is the share of batches with pages of two or more documents."""

    num_batches: int
    num_items: int
    fill: float | None
    mixed_share: float

    @property
    def mean_items(self) -> float:
        return self.num_items / self.num_batches


@dataclass(frozen=True)
class Occupancy:
    """Over all batches of a run; `mixed_share` over all lanes."""

    lanes: dict[str, LaneUse]
    mixed_share: float


def occupancy(batches: Sequence[BatchLine], limits: Limits) -> Occupancy | None:
    """None where no batch was seen."""
    if not batches:
        return None
    by_lane: defaultdict[str, list[BatchLine]] = defaultdict(list)
    for batch in batches:
        by_lane[batch.lane].append(batch)
    lanes = {lane: _use(seen, limits) for lane, seen in sorted(by_lane.items())}
    return Occupancy(lanes, _mixed_share(batches))


def _use(batches: Sequence[BatchLine], limits: Limits) -> LaneUse:
    items = sum(batch.num_items for batch in batches)
    most = [limits.get(f"{batch.lane} {batch.canvas}") for batch in batches]
    known = [limit for limit in most if limit is not None]
    fill = items / sum(known) if len(known) == len(most) else None
    return LaneUse(len(batches), items, fill, _mixed_share(batches))


def _mixed_share(batches: Sequence[BatchLine]) -> float:
    return sum(batch.num_documents > 1 for batch in batches) / len(batches)
