"""A lane of steps: what waits for it joins what is under way instead of taking turns with it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from quire.engine.batch_pipeline import BatchEnded, BatchJob, BatchStarted
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import ReadPage
from quire.engine.port import Canvas, Item, Pixels
from quire.words.reading import ModelInfo, PageText

CANVAS = Canvas(1, 1)
MOST_TOGETHER = 4


class OrdinaryLane:
    def max_items(self, canvas: Canvas) -> int:
        return MOST_TOGETHER

    def pre(self, canvas: Canvas, payloads: Sequence[Any]) -> Any:
        return payloads

    def device(self, prepared: Any) -> Any:
        return prepared

    def post(self, output: Any, payloads: Sequence[Any]) -> list[Any]:
        return list(payloads)


class SteppingLane(OrdinaryLane):
    is_stepwise = True


class EndlessModel:
    """Each page begins, and asks for step after step."""

    info = ModelInfo(name="steps", revision="0")

    def __init__(self, lane: OrdinaryLane) -> None:
        self.lanes = {"begin": OrdinaryLane(), "step": lane}

    def warm_up(self) -> None:
        """Nothing to do."""

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        yield [Item("begin", CANVAS, None)]
        while True:
            yield [Item("step", CANVAS, None)]


class Hand:
    """A pipeline that ends batches when told to, and its scheduler."""

    def __init__(self, lane: OrdinaryLane) -> None:
        self.jobs: list[BatchJob] = []
        self.now = 0.0
        self._num_pages = 0
        self._lanes = LaneScheduler(EndlessModel(lane), lambda message: None, self)

    def start(self, job: BatchJob) -> None:
        self.jobs.append(job)

    @property
    def jobs_said(self) -> list[str]:
        """The batches in the pipeline, as lane and number of items."""
        return [f"{job.lane} {len(job.payloads)}" for job in self.jobs]

    def add(self, num_pages: int) -> None:
        """Pages come; each is a document of its own."""
        self.add_without_step(num_pages)
        self._lanes.step(self.now)

    def add_without_step(self, num_pages: int) -> None:
        """They come at the moment when a batch ends."""
        for _ in range(num_pages):
            self._num_pages += 1
            key = self._num_pages
            message = ReadPage(
                page=key, offset=0, width_px=2, height_px=2, document=key, deadline=1e9, num_coming=0
            )
            self._lanes.add(message, np.zeros((2, 2, 3), np.uint8), self.now)

    def begin_first(self) -> None:
        """The first batch has the device; what may be formed behind it before it ends is formed."""
        self._lanes.report(BatchStarted(self.jobs[0].number), self.now)
        self._lanes.step(self.now)
        self.now += 0.999
        self._lanes.step(self.now)

    def end_first(self) -> None:
        self.now += 0.001
        job = self.jobs.pop(0)
        self._lanes.report(BatchEnded(job.number, [None] * len(job.payloads), 1.0), self.now)
        self._lanes.step(self.now)


def stepping(lane: OrdinaryLane, num_pages: int) -> Hand:
    """So many pages have begun, and their first step has the device."""
    hand = Hand(lane)
    hand.add(num_pages)
    while hand.jobs_said != [f"step {num_pages}"]:
        hand.begin_first()
        hand.end_first()
    hand.begin_first()
    return hand


def test_a_page_that_comes_joins_the_next_step() -> None:
    hand = stepping(SteppingLane(), 2)
    hand.add(1)
    assert hand.jobs_said == ["step 2", "begin 1"]
    hand.end_first()
    hand.begin_first()
    assert hand.jobs_said == ["begin 1"], "a step of two, formed now, would take turns with the third page's"
    hand.end_first()
    assert hand.jobs_said == ["step 3"]


def test_an_ordinary_lane_runs_what_waits_behind_the_batch_under_way() -> None:
    hand = stepping(OrdinaryLane(), 2)
    hand.add(1)
    hand.end_first()
    hand.begin_first()
    assert hand.jobs_said == ["begin 1", "step 2"]


def test_a_page_begins_before_the_others_go_on() -> None:
    """However many they are: fullness would let newcomers wait until nobody steps any more."""
    hand = stepping(SteppingLane(), 3)
    hand.add_without_step(1)
    hand.end_first()
    assert hand.jobs_said == ["begin 1"]


def test_a_full_batch_of_steps_waits_for_nobody() -> None:
    hand = stepping(SteppingLane(), MOST_TOGETHER)
    hand.add(1)
    hand.end_first()
    hand.begin_first()
    assert hand.jobs_said == ["begin 1", f"step {MOST_TOGETHER}"]
