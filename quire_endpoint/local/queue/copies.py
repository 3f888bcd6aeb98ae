"""What stands in the queue: an invocation's ticket, and the copies of it that wait or are delivered."""

from __future__ import annotations

import enum
import heapq
import itertools
from dataclasses import dataclass

from quire_endpoint.local.invocation import Ending, Invocation

SLACK = 64
"""Entries of the past that an agenda keeps at most, beside as many as it has of the future."""


class Standing(enum.Enum):
    """Where a copy is."""

    DELAYED = enum.auto()
    """Not to be delivered yet."""
    WAITING = enum.auto()
    FETCHING = enum.auto()
    """Given to an instance; its body is being fetched."""
    RUNNING = enum.auto()
    """The container works on it."""
    BROKEN = enum.auto()
    """Its connection broke; word may come that its instance is gone."""
    SETTLED = enum.auto()
    """How it ends is known; the answer is being stored and told."""
    CLOSED = enum.auto()


IN_FLIGHT = frozenset({Standing.FETCHING, Standing.RUNNING, Standing.BROKEN, Standing.SETTLED})
QUEUED = frozenset({Standing.DELAYED, Standing.WAITING})

_UNCARRIED = frozenset({Ending.EXPIRED, Ending.LOST, Ending.DROPPED})
"""Nobody carried it to an end, whom a caller could have heard of."""


@dataclass(frozen=True, eq=False)
class Delivery:
    """One attempt at one instance. `number` counts an invocation's deliveries from 1."""

    invocation: Invocation
    number: int
    instance_id: str


@dataclass(eq=False)
class Ticket:
    """An invocation's place, `order`, and what has become of it so far. It usually has one copy: two where
    it is delivered twice."""

    invocation: Invocation
    order: int
    num_copies: int = 0
    num_enqueued: int = 0
    """Copies that there ever were, each of which is delivered once at most."""
    num_deliveries: int = 0
    is_doubled: bool = False
    ending: Ending | None = None
    detail: str = ""

    def note(self, ending: Ending, detail: str) -> None:
        """Completion counts before all, then what was carried to its end and told; of equals the first."""
        if self.ending is None or _weight(ending) > _weight(self.ending):
            self.ending, self.detail = ending, detail


def _weight(ending: Ending) -> int:
    return 2 if ending is Ending.COMPLETED else int(ending not in _UNCARRIED)


@dataclass(eq=False)
class Copy:
    ticket: Ticket
    standing: Standing
    delivery: Delivery | None = None


class Agenda:
    """Copies in the order of a number: a time or a place. A copy that no longer stands as the agenda asks is
    passed over, so nothing needs to be taken out."""

    def __init__(self, *standings: Standing) -> None:
        self._standings = frozenset(standings)
        self._heap: list[tuple[float, int, Copy]] = []
        self._serials = itertools.count()
        self._next_sweep = SLACK

    def put(self, key: float, copy: Copy) -> None:
        heapq.heappush(self._heap, (key, next(self._serials), copy))
        if len(self._heap) > self._next_sweep:
            self._sweep()

    def first(self) -> tuple[float, Copy] | None:
        while self._heap:
            key, _, copy = self._heap[0]
            if copy.standing in self._standings:
                return key, copy
            heapq.heappop(self._heap)
        return None

    def due(self, key: float) -> Copy | None:
        """The first whose number is `key` or less. It stays the first until it stands elsewhere."""
        first = self.first()
        return first[1] if first is not None and first[0] <= key else None

    def next_key(self) -> float | None:
        first = self.first()
        return None if first is None else first[0]

    def _sweep(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].standing in self._standings]
        heapq.heapify(self._heap)
        self._next_sweep = 2 * len(self._heap) + SLACK
