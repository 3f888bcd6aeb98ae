"""One device: the worker that has it now, the pages that are aboard, and when it is late."""

from __future__ import annotations

from dataclasses import dataclass, field

from quire.engine.backoff import Backoff
from quire.engine.batch_watch import RunningBatches
from quire.engine.documents import PageTask
from quire.engine.messages import DeviceReady
from quire.engine.worker_port import Worker

RESERVED_SEATS = 2
"""Pages that a worker takes past those it wants, each of a document that has none aboard: a newcomer need
not wait until a long document's pages have made room."""


@dataclass(eq=False)
class Place:
    """`is_ending` once its worker was killed or has hung up. `is_reserved` while a page that must be alone
    waits for it to be empty, and while it has it."""

    number: int
    backoff: Backoff = field(default_factory=Backoff)
    worker: Worker | None = None
    ready: DeviceReady | None = None
    progress_at: float = 0.0
    is_ending: bool = False
    is_given_up: bool = False
    is_reserved: bool = False
    aboard: dict[int, PageTask] = field(default_factory=dict)
    batches: RunningBatches = field(default_factory=RunningBatches)

    @property
    def is_open(self) -> bool:
        return self.ready is not None and not self.is_ending and not self.is_reserved

    @property
    def num_seats(self) -> int:
        """Free ones, the reserved not counted: they are what it may fall below nought by."""
        return self.ready.pages_wanted - len(self.aboard) if self.ready else 0

    def late_at(self, startup_seconds: float, stall_seconds: float) -> float:
        """When the worker must have said something; infinity for one that has nothing to do."""
        if self.worker is None or self.is_ending:
            return float("inf")
        if self.ready is None:
            return self.progress_at + startup_seconds
        if not self.aboard:
            return float("inf")
        return self.batches.late_at or self.progress_at + stall_seconds

    def page_left(self, key: int, now: float) -> PageTask | None:
        self.progress_at = now
        task = self.aboard.pop(key, None)
        if not self.aboard:
            self.is_reserved = False
            self.batches.clear()
        return task

    def vacate(self, now: float) -> list[PageTask]:
        """Its worker is dead: gives back the pages that were aboard."""
        tasks = list(self.aboard.values())
        self.backoff.died(now)
        self.worker, self.ready = None, None
        self.is_ending = self.is_reserved = False
        self.aboard.clear()
        self.batches.clear()
        return tasks
