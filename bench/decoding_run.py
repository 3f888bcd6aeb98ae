"""How do pages pass the lanes of a model in this process, so many at once? The scheduler and the pipeline are
those of a device worker; a page that is read makes room for the next."""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import BatchRun, FromDevice, PageFaulted, PageRead
from quire.engine.port import PageModel, Pixels
from quire.engine.threaded_pipeline import ThreadedPipeline
from quire.words.reading import PageText
from tests.fakes.aboard import page_aboard

_PATIENCE_SECONDS = 60.0


@dataclass
class LanesRun:
    """What became of the pages, by their places; the batches, in order; and what it all took, by the clock
    and of the processor, by which other work on the machine is not seen."""

    texts: dict[int, PageText] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)
    batches: list[BatchRun] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def num_ended(self) -> int:
        return len(self.texts) + len(self.faults)

    def batch_sizes(self, lane: str) -> list[int]:
        return [batch.num_items for batch in self.batches if batch.lane == lane]

    def hear(self, said: FromDevice) -> None:
        if isinstance(said, PageRead):
            self.texts[said.page] = said.text
        elif isinstance(said, PageFaulted):
            self.faults[said.page] = said.reason
        elif isinstance(said, BatchRun):
            self.batches.append(said)


class RunningLanes:
    """A device worker's lanes without its process. `hear` takes what they say."""

    def __init__(self, model: PageModel, hear: Callable[[FromDevice], None]) -> None:
        self._pipeline = ThreadedPipeline(model.lanes)
        self.lanes = LaneScheduler(model, hear, self._pipeline)

    def add(self, key: int, pixels: Pixels) -> None:
        """Each page is a document of its own."""
        now = time.monotonic()
        self.lanes.add(page_aboard(key, pixels, now + _PATIENCE_SECONDS), pixels, now)

    def turn(self) -> None:
        """Forms batches, and waits for a report or the moment to form another."""
        self.lanes.step(time.monotonic())
        wakeup = self.lanes.next_wakeup()
        timeout = _PATIENCE_SECONDS if wakeup is None else max(0.0, wakeup - time.monotonic())
        if not select.select([self._pipeline], [], [], timeout)[0] and wakeup is None:
            raise TimeoutError("the lanes stand still")
        for report in self._pipeline.take():
            self.lanes.report(report, time.monotonic())

    def close(self) -> None:
        self._pipeline.close()


@contextmanager
def running_lanes(model: PageModel, hear: Callable[[FromDevice], None]) -> Iterator[RunningLanes]:
    running = RunningLanes(model, hear)
    try:
        yield running
    finally:
        running.close()


def run_lanes(model: PageModel, pages: Sequence[Pixels], at_once: int) -> LanesRun:
    """All pages, with `at_once` of them in flight as long as there are so many."""
    run = LanesRun()
    waiting = deque(enumerate(pages))
    with running_lanes(model, run.hear) as running:
        started, processor_started = time.monotonic(), time.process_time()
        while run.num_ended < len(pages):
            while waiting and len(pages) - len(waiting) - run.num_ended < at_once:
                running.add(*waiting.popleft())
            running.turn()
        run.seconds = time.monotonic() - started
        run.processor_seconds = time.process_time() - processor_started
    return run
