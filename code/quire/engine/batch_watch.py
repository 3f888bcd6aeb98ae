"""Whether a batch has been on the device for too long: what its kind is known to take, and a wide margin."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from quire.engine.batch_cost import BatchCosts
from quire.engine.messages import BatchBegan, BatchFailed, BatchRun
from quire.engine.port import Canvas

STALL_MARGIN = 20.0
"""How many times its expected seconds a batch may take. A busy host, a throttled device or a first run with
another algorithm cost single factors; a hang costs all of them."""

LEAST_STALL_SECONDS = 5.0
"""No batch is given up sooner: a host that swaps, or a page of memory that is fetched from disk, takes
seconds whatever the batch should take."""


class BatchTimes:
    """What batches of each kind take, learnt over all workers of a pool."""

    def __init__(self, stall_seconds: float) -> None:
        self._stall_seconds = stall_seconds
        self._costs = BatchCosts()
        self._seen: set[tuple[str, Canvas, int]] = set()

    def learn(self, batch: BatchRun) -> None:
        canvas = Canvas(batch.canvas_height, batch.canvas_width)
        self._costs.learn(batch.lane, canvas, batch.num_items, batch.milliseconds / 1000)
        self._seen.add((batch.lane, canvas, batch.num_items))

    def allowed_seconds(self, batch: BatchBegan) -> float:
        """A kind or a number of items that was never seen may take what a silent worker may: the first
        of its kind may have to load or to choose its kernels."""
        canvas = Canvas(batch.canvas_height, batch.canvas_width)
        expected = self._costs.seconds(batch.lane, canvas, batch.num_items)
        if expected is None or (batch.lane, canvas, batch.num_items) not in self._seen:
            return self._stall_seconds
        return min(self._stall_seconds, max(LEAST_STALL_SECONDS, STALL_MARGIN * expected))


@dataclass(frozen=True)
class _Running:
    batch: BatchBegan
    began_at: float
    allowed_seconds: float


class RunningBatches:
    """Those that a worker has begun and not yet ended, the oldest first. They end in that order."""

    def __init__(self) -> None:
        self._running: deque[_Running] = deque()
        self._moved_at = 0.0

    def began(self, batch: BatchBegan, allowed_seconds: float, now: float) -> None:
        self._running.append(_Running(batch, now, allowed_seconds))

    def ended(self, batch: BatchRun | BatchFailed, now: float) -> None:
        kind = (batch.lane, batch.canvas_height, batch.canvas_width, batch.num_items)
        for position, running in enumerate(self._running):
            begun = running.batch
            if (begun.lane, begun.canvas_height, begun.canvas_width, begun.num_items) == kind:
                for _ in range(position + 1):
                    self._running.popleft()
                break
        self._moved_at = now

    def moved(self, now: float) -> None:
        """The device has shown that it works in some other way."""
        self._moved_at = now

    def clear(self) -> None:
        """The worker has nothing left to do, or is gone."""
        self._running.clear()

    @property
    def late_at(self) -> float | None:
        """When the batches that stand here have had their time; None when there are none. A batch may
        wait for the one before it, so time counts from the last sign that the device moved (few can begin
        while it does not), and the longest time of all is given."""
        if not self._running:
            return None
        since = max(self._moved_at, self._running[-1].began_at)
        return since + max(running.allowed_seconds for running in self._running)
