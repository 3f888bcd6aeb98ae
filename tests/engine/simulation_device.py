"""A device worker without a process: the real lanes over the real stub, on a device of simulated time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from quire.engine.batch_pipeline import BatchJob, BatchOnItsWay, BatchReport, BatchStarted
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import (
    BatchRun,
    DeviceReady,
    DropPage,
    LimitBatch,
    PageDropped,
    PageFaulted,
    PageRead,
    ReadPage,
)
from quire.engine.port import DeviceLost
from quire.models.stub import Marker, StubModel, StubOptions
from quire.words.reading import PageSize
from tests.engine.simulation_documents import SimulatedPage
from tests.engine.simulation_workers import SimulatedWorker, World


@dataclass
class DeviceLedger:
    """What all workers that one device had were seen to do."""

    busy_seconds: float = 0.0
    num_pages: int = 0
    num_batches: int = 0
    num_items: int = 0
    num_deaths: int = 0


class SimulatedPipeline:
    """One batch has the device at a time, for the seconds that the stub's options say; then the real
    stub tells what became of it. KILL ends the worker, HANG nothing at all."""

    def __init__(
        self, worker: SimulatedDevice, options: StubOptions, tell: Callable[[BatchReport], None]
    ) -> None:
        self._worker = worker
        self._options = options
        self._tell = tell
        instant = {"batch_seconds": 0.0, "page_seconds": 0.0, "load_seconds": 0.0, "slow_seconds": 0.0}
        self.model = StubModel(msgspec.structs.replace(options, **instant))
        self._queue: deque[BatchJob] = deque()
        self._is_busy = False

    def start(self, job: BatchJob) -> None:
        self._queue.append(job)
        self._next()

    def _next(self) -> None:
        if self._queue and not self._is_busy:
            self._is_busy = True
            job = self._queue.popleft()
            self._worker.after(0.0, partial(self._tell, BatchStarted(job.number)))
            self._worker.after(self._seconds(job), partial(self._end, job))

    def _seconds(self, job: BatchJob) -> float:
        """Out of memory is told at once."""
        if len(job.payloads) > self._options.memory_items:
            return 0.0
        slow = _markers(job).count(Marker.SLOW) * self._options.slow_seconds
        return self._options.seconds(job.canvas, len(job.payloads)) + slow

    def _end(self, job: BatchJob) -> None:
        seconds = self._seconds(job)
        self._worker.ledger.busy_seconds += seconds
        fate = _first(_markers(job)) if seconds else None
        if fate == Marker.HANG:
            return
        batch = BatchOnItsWay(job, self.model.lanes[job.lane])
        try:
            if fate == Marker.KILL:
                raise DeviceLost("killed")
            batch.pre()
            if fate or not seconds:  # else the device stage would do nothing but sleep
                batch.device()
        except DeviceLost:
            self._worker.kill()
            return
        batch.post()
        batch.device_seconds = seconds
        self._is_busy = False
        self._next()
        self._tell(batch.ended())


def _markers(job: BatchJob) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in pixels[0, 0]) for pixels in job.payloads]


def _first(markers: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The marker that decides the batch's fate."""
    deciding = (Marker.POISON, Marker.KILL, Marker.HANG, Marker.FATAL)
    return next((marker for marker in markers if marker in deciding), None)


class SimulatedDevice(SimulatedWorker):
    """`aboard` is what the engine counts on: pages sent, and not yet heard of again."""

    def __init__(
        self,
        world: World,
        report: Callable[[Any, Any], None],
        hang_up: Callable[[Any], None],
        options: StubOptions,
        ledger: DeviceLedger,
    ) -> None:
        super().__init__(world, report, hang_up)
        self.ledger = ledger
        self.aboard: dict[int, SimulatedPage] = {}
        pipeline = SimulatedPipeline(self, options, self._pipeline_reports)
        self._lanes = LaneScheduler(pipeline.model, self.say, pipeline)
        self._has_turn = False
        self._wakes_at: float | None = None
        ready = DeviceReady(
            model=pipeline.model.info,
            device="simulated",
            precision="none",
            pages_wanted=2 * options.max_items,
        )
        self.after(options.load_seconds, partial(self.say, ready))

    # --- what the engine knows ---

    def sent(self, message: Any) -> None:
        if isinstance(message, ReadPage):
            assert message.page not in self.aboard, "a page is sent twice"
            self.aboard[message.page] = self.world.memory.at_offset[message.offset]
        elif isinstance(message, DropPage):
            assert message.page in self.aboard, "a page that is not there is dropped"

    def heard(self, message: Any) -> None:
        if isinstance(message, PageRead | PageDropped | PageFaulted):
            page = self.aboard.pop(message.page)
            self.ledger.num_pages += isinstance(message, PageRead)
            if isinstance(message, PageFaulted):
                assert page.marker == Marker.POISON, f"{message} for {page}"
                self.world.charges.alone_on_device[page.number] += 1
        elif isinstance(message, BatchRun):
            self.ledger.num_batches += 1
            self.ledger.num_items += message.num_items

    def buried(self) -> None:
        self.ledger.num_deaths += 1
        if len(self.aboard) == 1:
            self.world.charges.alone_on_device[next(iter(self.aboard.values())).number] += 1

    # --- what it does ---

    def take(self, message: Any) -> None:
        if self.is_dead:
            return
        if isinstance(message, ReadPage):
            size = PageSize(width_px=message.width_px, height_px=message.height_px, dpi=None)
            pixels = self.world.memory.pixels(message.offset, size)
            self._lanes.add(message, pixels, self.world.clock.now)
        elif isinstance(message, DropPage):
            self._lanes.drop(message.page)
        elif isinstance(message, LimitBatch):
            self._lanes.limit(message)
        self._turn_soon()

    def _pipeline_reports(self, report: BatchReport) -> None:
        self._lanes.report(report, self.world.clock.now)
        self._turn_soon()

    def _turn_soon(self) -> None:
        """Once all that comes at this moment has come."""
        if not self._has_turn:
            self._has_turn = True
            self.after(0.0, self._turn)

    def _turn(self) -> None:
        self._has_turn = False
        self._lanes.step(self.world.clock.now)
        wakeup = self._lanes.next_wakeup()
        if wakeup is not None and wakeup != self._wakes_at:
            self._wakes_at = wakeup
            self.world.clock.at(wakeup, partial(self._wake, wakeup))

    def _wake(self, moment: float) -> None:
        if self._wakes_at == moment and not self.is_dead:
            self._wakes_at = None
            self._turn_soon()
