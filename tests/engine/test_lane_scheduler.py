"""Inside the device worker: batches mix pages, a failure costs its own page only, and pixels are looked
at no longer than they are lent."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pytest

from quire.engine.batch_pipeline import (
    BatchEnded,
    BatchFailure,
    BatchJob,
    BatchPipeline,
    InlinePipeline,
)
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import (
    BatchBegan,
    BatchFailed,
    BatchRun,
    LimitBatch,
    PageDropped,
    PageFaulted,
    PageRead,
    ReadPage,
)
from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory, Item, Lane, PageModel, Pixels
from quire.models.stub import LANDSCAPE, SQUARE, Marker, StubModel, StubOptions
from quire.words.reading import PageText


def page(value: int, marker: tuple[int, int, int] | None = None) -> Pixels:
    pixels = np.full((4, 6, 3), value, dtype=np.uint8)
    if marker:
        pixels[0, 0] = marker
    return pixels


def read_page(key: int, *, document: int = 1, num_coming: int = 0) -> ReadPage:
    return ReadPage(
        page=key,
        offset=0,
        width_px=6,
        height_px=4,
        document=document,
        deadline=1e9,
        num_coming=num_coming,
    )


class Driver:
    """A scheduler that runs its batches at once, and what it said."""

    def __init__(self, model: PageModel | None = None, **options: Any) -> None:
        model = model or StubModel(StubOptions(**options))
        self.said: list[Any] = []
        self.pipeline = InlinePipeline(model.lanes)
        self.lanes = LaneScheduler(model, self.said.append, self.pipeline)
        self.now = 0.0

    def add(self, key: int, pixels: Pixels, **message: int) -> None:
        self.lanes.add(read_page(key, **message), pixels, self.now)

    def run(self) -> None:
        for _ in range(1000):
            if self.lanes.is_idle:
                return
            self.lanes.step(self.now)
            for report in self.pipeline.take():
                self.lanes.report(report, self.now)
            self.now = max(self.now, self.lanes.next_wakeup() or 0.0)
        raise AssertionError("the scheduler never came to rest")

    def texts(self) -> dict[int, str]:
        return {m.page: m.text.text for m in self.said if isinstance(m, PageRead)}

    def faulted(self) -> list[int]:
        return [m.page for m in self.said if isinstance(m, PageFaulted)]

    def batch_sizes(self) -> list[int]:
        return [m.num_items for m in self.said if isinstance(m, BatchRun)]


def test_pages_of_one_canvas_share_a_batch_and_keep_their_own_text() -> None:
    driver = Driver()
    for key in range(10):
        driver.add(key, page(key))
    driver.run()
    assert driver.batch_sizes() == [10]
    assert driver.texts() == {key: f"6 x 4: {72 * key}" for key in range(10)}


def test_pages_of_other_canvases_go_in_batches_of_their_own() -> None:
    driver = Driver()
    shapes = [(4, 6), (6, 4), (5, 5), (4, 6)]
    for key, (height, width) in enumerate(shapes):
        driver.add(key, np.ones((height, width, 3), np.uint8))
    driver.run()
    assert sorted(driver.batch_sizes()) == [1, 1, 2]
    assert driver.texts() == {key: f"{w} x {h}: {3 * h * w}" for key, (h, w) in enumerate(shapes)}


@pytest.mark.parametrize("poisoned", range(7))
def test_a_poison_page_in_any_place_costs_only_itself(poisoned: int) -> None:
    driver = Driver()
    for key in range(7):
        driver.add(key, page(key, Marker.POISON if key == poisoned else None))
    driver.run()
    assert driver.faulted() == [poisoned]
    assert sorted(driver.texts()) == [key for key in range(7) if key != poisoned]


def test_out_of_memory_halves_the_batch_and_is_remembered() -> None:
    driver = Driver(memory_items=3)
    for key in range(12):
        driver.add(key, page(key))
    driver.run()
    assert sorted(driver.texts()) == list(range(12))
    assert max(driver.batch_sizes()) <= 3
    learnt = [m.max_items for m in driver.said if isinstance(m, LimitBatch)]
    assert learnt == [6, 3]
    driver.said.clear()
    for key in range(20, 26):
        driver.add(key, page(1))
    driver.run()
    assert driver.batch_sizes() == [3, 3]
    assert not [m for m in driver.said if isinstance(m, LimitBatch)]


def test_a_ceiling_from_an_earlier_worker_is_kept() -> None:
    driver = Driver()
    driver.lanes.limit(
        LimitBatch(lane="stub", canvas_height=LANDSCAPE.height, canvas_width=LANDSCAPE.width, max_items=2)
    )
    for key in range(6):
        driver.add(key, page(1))
    driver.run()
    assert driver.batch_sizes() == [2, 2, 2]


def test_a_page_that_does_not_fit_alone_faults() -> None:
    driver = Driver(memory_items=0)
    driver.add(1, page(1))
    driver.run()
    assert driver.faulted() == [1]


def test_a_lost_device_ends_the_worker() -> None:
    driver = Driver()
    driver.add(1, page(1, Marker.FATAL))
    with pytest.raises(DeviceLost):
        driver.run()


class ForgetfulLane:
    """Holds a weak reference to what it laid out, and runs out of memory above one item."""

    def __init__(self) -> None:
        self.alive_when_alone: list[int] = []
        self._prepared: list[weakref.ref[Pixels]] = []

    def max_items(self, canvas: Canvas) -> int:
        return 8

    def pre(self, canvas: Canvas, payloads: Sequence[Pixels]) -> Pixels:
        prepared = np.stack(payloads)
        self._prepared.append(weakref.ref(prepared))
        return prepared

    def device(self, prepared: Pixels) -> Pixels:
        if len(prepared) > 1:
            raise DeviceOutOfMemory(f"{len(prepared)} items")
        self.alive_when_alone.append(sum(1 for reference in self._prepared if reference() is not None))
        return prepared

    def post(self, output: Pixels, payloads: Sequence[Pixels]) -> list[Pixels]:
        return list(payloads)


class OneLaneModel:
    """The stub's reading over another lane."""

    info = StubModel.info

    def __init__(self, lane: Lane) -> None:
        self.lanes = {"stub": lane}

    def warm_up(self) -> None: ...

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        yield [Item("stub", SQUARE, pixels)]
        return PageText(text="", lines=(), blocks=())


def run_over(lane: Lane, pages: int) -> list[Any]:
    driver = Driver(OneLaneModel(lane))
    for key in range(pages):
        driver.add(key, page(key))
    driver.run()
    return driver.said


def test_a_batch_that_did_not_fit_holds_no_memory_while_smaller_ones_are_tried() -> None:
    lane = ForgetfulLane()
    said = run_over(lane, 8)
    assert len([m for m in said if isinstance(m, PageRead)]) == 8
    assert lane.alive_when_alone == [1] * 8


class MiscountingLane(ForgetfulLane):
    """Gives back one output too many."""

    def device(self, prepared: Pixels) -> Pixels:
        return prepared

    def post(self, output: Pixels, payloads: Sequence[Pixels]) -> list[Pixels]:
        return [*payloads, payloads[0]]


def test_a_wrong_number_of_outputs_costs_the_pages_and_not_the_worker() -> None:
    said = run_over(MiscountingLane(), 3)
    assert sorted(m.page for m in said if isinstance(m, PageFaulted)) == [0, 1, 2]


# --- batches on their way ---


class HeldPipeline:
    """Keeps every batch until the test ends it."""

    def __init__(self) -> None:
        self.jobs: list[BatchJob] = []

    def start(self, job: BatchJob) -> None:
        self.jobs.append(job)


class TwoItemModel:
    """A page is two items on canvases of their own."""

    info = StubModel.info

    def __init__(self, max_items: int = 8) -> None:
        self.lanes: dict[str, Lane] = {"stub": StubModel(StubOptions(max_items=max_items)).lanes["stub"]}

    def warm_up(self) -> None: ...

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        outputs = yield [Item("stub", SQUARE, pixels), Item("stub", LANDSCAPE, pixels)]
        return PageText(text=str(outputs), lines=(), blocks=())


class Hand:
    """A scheduler whose batches run when and as the test says."""

    def __init__(self, model: PageModel | None = None, **options: Any) -> None:
        self.said: list[Any] = []
        self.pipeline: HeldPipeline = HeldPipeline()
        pipeline: BatchPipeline = self.pipeline
        model = model or StubModel(StubOptions(**options))
        self.lanes = LaneScheduler(model, self.said.append, pipeline)
        self.now = 0.0

    def add(self, *keys: int, **message: int) -> None:
        for key in keys:
            self.lanes.add(read_page(key, **message), page(key), self.now)
        self.lanes.step(self.now)

    def drop(self, key: int) -> None:
        self.lanes.drop(key)
        self.lanes.step(self.now)

    def start(self, job: int) -> None:
        self.lanes.started(self.pipeline.jobs[job].number, self.now)
        self.lanes.step(self.now)

    def end(self, job: int, failure: BatchFailure | None = None, seconds: float = 0.1) -> None:
        outputs: list[Any] | BatchFailure = failure or [0] * len(self.pipeline.jobs[job].payloads)
        self.lanes.ended(BatchEnded(self.pipeline.jobs[job].number, outputs, seconds), self.now)
        self.lanes.step(self.now)

    def sizes(self) -> list[int]:
        """Of the batches that were started."""
        return [len(job.payloads) for job in self.pipeline.jobs]

    def answers(self) -> list[tuple[type, int]]:
        return [(type(m), m.page) for m in self.said if isinstance(m, PageRead | PageFaulted | PageDropped)]


POISON, TOO_LARGE = BatchFailure("ValueError: poison"), BatchFailure("no memory", is_out_of_memory=True)


def test_one_batch_has_the_device_and_one_stands_behind_it() -> None:
    hand = Hand(max_items=2)
    hand.add(*range(8))
    assert hand.sizes() == [2]
    hand.start(0)
    assert hand.sizes() == [2, 2]
    hand.start(1)
    assert hand.sizes() == [2, 2, 2]
    hand.start(2)
    # The first has not ended: its outputs are still being read, and that must not pile up.
    assert hand.sizes() == [2, 2, 2]
    hand.end(0)
    hand.now = 0.09
    hand.lanes.step(hand.now)
    assert hand.sizes() == [2, 2, 2, 2]


def test_the_engine_hears_when_a_batch_has_the_device_and_what_it_cost() -> None:
    hand = Hand()
    hand.add(1)
    assert not hand.said
    hand.start(0)
    assert hand.said == [
        BatchBegan(lane="stub", canvas_height=64, canvas_width=96, num_items=1),
    ]
    hand.end(0, seconds=0.25)
    ran, read = hand.said[1:]
    assert (ran.num_items, ran.pages, ran.milliseconds) == (1, (1,), 250.0)
    assert (read.page, read.cost_ms) == (1, 250.0)


def test_a_page_is_told_its_share_of_all_its_batches() -> None:
    hand = Hand(TwoItemModel())
    hand.add(1)
    hand.add(2, 3)
    hand.start(0)
    hand.end(0, seconds=0.1)
    while not hand.lanes.is_idle:
        job = len(hand.pipeline.jobs) - 1
        hand.start(job)
        hand.end(job, seconds=0.3)
    total = 1000 * (0.1 + 0.3 * (len(hand.pipeline.jobs) - 1))
    costs = [m.cost_ms for m in hand.said if isinstance(m, PageRead)]
    assert len(costs) == 3
    assert sum(costs) == pytest.approx(total)


def test_a_page_that_waits_is_dropped_at_once() -> None:
    hand = Hand()
    hand.add(1)
    hand.add(2, 3)
    hand.drop(2)
    assert hand.answers() == [(PageDropped, 2)]
    hand.drop(2)
    hand.start(0)
    hand.end(0)
    assert hand.answers() == [(PageDropped, 2), (PageRead, 1)]
    assert hand.sizes() == [1, 1]


def test_a_page_in_the_pipeline_is_dropped_only_when_nothing_looks_at_its_pixels() -> None:
    hand = Hand()
    hand.add(1)
    hand.drop(1)
    assert not hand.answers()
    assert not hand.lanes.is_idle
    hand.start(0)
    hand.end(0)
    assert hand.answers() == [(PageDropped, 1)]
    assert hand.lanes.is_idle


@pytest.mark.parametrize("failure", [POISON, TOO_LARGE])
def test_a_dropped_page_whose_batch_fails_is_answered_once(failure: BatchFailure) -> None:
    hand = Hand()
    hand.add(1)
    hand.drop(1)
    hand.start(0)
    hand.end(0, failure)
    assert hand.answers() == [(PageDropped, 1)]
    assert hand.sizes() == [1]


def test_a_fault_is_told_when_no_other_item_of_the_page_is_under_way() -> None:
    hand = Hand(TwoItemModel())
    hand.add(1)
    hand.start(0)
    assert hand.sizes() == [1, 1]
    hand.end(0, POISON)
    assert not hand.answers()
    hand.drop(1)
    hand.start(1)
    hand.end(1)
    assert hand.answers() == [(PageFaulted, 1)]


def test_halves_run_before_anything_new_and_with_nothing_beside_them() -> None:
    hand = Hand(max_items=4)
    hand.add(0)
    hand.add(*range(1, 13))
    hand.start(0)
    hand.start(1)
    hand.end(0)
    assert hand.sizes() == [1, 4, 4]
    hand.end(1, POISON)
    hand.start(2)
    assert hand.sizes() == [1, 4, 4]
    hand.end(2)
    assert hand.sizes() == [1, 4, 4, 2]
    hand.start(3)
    assert hand.sizes() == [1, 4, 4, 2]
    hand.end(3, POISON)
    assert hand.sizes() == [1, 4, 4, 2, 1]
    hand.end(4, POISON)
    assert hand.answers()[-1] == (PageFaulted, 1)
    hand.end(5)
    hand.end(6)
    assert hand.sizes() == [1, 4, 4, 2, 1, 1, 2, 4]


def test_a_page_that_was_dropped_before_its_half_ran_is_not_run() -> None:
    hand = Hand()
    hand.add(0)
    hand.add(1, 2)
    hand.start(0)
    hand.end(0)
    hand.end(1, POISON)
    assert hand.sizes() == [1, 2, 1]
    hand.drop(2)
    assert hand.answers()[-1] == (PageDropped, 2)
    hand.end(2)
    assert hand.sizes() == [1, 2, 1]
    assert hand.lanes.is_idle


def test_an_item_that_failed_beside_a_dropped_page_is_tried_alone_before_it_is_blamed() -> None:
    hand = Hand()
    hand.add(0)
    hand.add(1, 2)
    hand.start(0)
    hand.end(0)
    hand.drop(2)
    hand.end(1, POISON)
    assert hand.answers()[-1] == (PageDropped, 2)
    assert hand.sizes() == [1, 2, 1]
    hand.end(2)
    assert hand.answers()[-1] == (PageRead, 1)


def test_a_late_failure_of_a_larger_batch_does_not_raise_the_ceiling_again() -> None:
    hand = Hand(max_items=8)
    hand.add(0)
    hand.add(*range(1, 25))
    hand.start(0)
    hand.start(1)
    hand.end(0)
    hand.end(1, TOO_LARGE)
    hand.lanes.limit(LimitBatch(lane="stub", canvas_height=64, canvas_width=96, max_items=2))
    hand.end(2, TOO_LARGE)
    assert [m.max_items for m in hand.said if isinstance(m, LimitBatch)] == [4, 2]
    assert hand.sizes() == [1, 8, 8, 2]


class TwoLaneModel(TwoItemModel):
    """A page is an item of one lane and then one of the next."""

    def __init__(self, max_items: int = 8) -> None:
        lane = StubModel(StubOptions(max_items=max_items)).lanes["stub"]
        self.lanes = {"first": lane, "second": lane}

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        yield [Item("first", SQUARE, pixels)]
        yield [Item("second", SQUARE, pixels)]
        return PageText(text="", lines=(), blocks=())


def test_the_device_is_kept_for_a_first_page_beside_a_long_document() -> None:
    """Nothing of the long document is put behind the newcomer's batch, whose end brings its next one."""
    hand = Hand(TwoLaneModel(max_items=1))
    job = 0
    hand.add(*range(8), document=1)
    while not hand.answers() or len(hand.answers()) < 4:
        hand.start(job)
        hand.end(job)
        job += 1
    hand.add(100, document=2)
    hand.start(job)
    hand.end(job)
    assert len(hand.pipeline.jobs) == job + 2, "the newcomer's batch follows the one that had the device"
    hand.start(job + 1)
    assert len(hand.pipeline.jobs) == job + 2, "and nothing stands behind it"
    hand.end(job + 1)
    hand.start(job + 2)
    hand.end(job + 2)
    assert (PageRead, 100) in hand.answers()


def test_the_engine_hears_of_a_batch_that_failed_on_the_device() -> None:
    hand = Hand(max_items=8)
    hand.add(0)
    hand.start(0)
    hand.end(0, POISON)
    assert hand.said[:2] == [
        BatchBegan(lane="stub", canvas_height=64, canvas_width=96, num_items=1),
        BatchFailed(lane="stub", canvas_height=64, canvas_width=96, num_items=1),
    ]


class PageCodeBreaks(TwoItemModel):
    """The page's own code raises on the outputs."""

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        yield from super().read(pixels)
        raise KeyError("page code")


def test_a_page_whose_own_code_breaks_faults() -> None:
    driver = Driver(PageCodeBreaks())
    driver.add(1, page(1))
    driver.run()
    assert driver.faulted() == [1]


# --- gathering, in simulated time ---


def taught() -> Hand:
    """It knows that a batch costs a tenth of a second and a thousandth an item, and that answers bring no
    new page for seconds."""
    hand = Hand(TwoLaneModel())
    keys = iter(range(100, 200))
    for size in (1, 5, 2, 6):
        hand.now += 10.0
        hand.add(*(next(keys) for _ in range(size)))
        while not hand.lanes.is_idle:
            hand.now = hand.lanes.next_wakeup() or hand.now
            hand.lanes.step(hand.now)
            job = len(hand.pipeline.jobs) - 1
            hand.start(job)
            hand.now += 0.1 + 0.001 * hand.sizes()[job]
            hand.end(job, seconds=0.1 + 0.001 * hand.sizes()[job])
    hand.pipeline.jobs.clear()
    hand.now = 100.0
    return hand


def test_a_page_waits_on_an_idle_device_while_more_are_on_their_way() -> None:
    hand = taught()
    hand.add(1, num_coming=2)
    assert hand.sizes() == []
    assert hand.lanes.next_wakeup() == pytest.approx(100.05)
    hand.now = 100.02
    hand.add(2, num_coming=1)
    assert hand.sizes() == []
    hand.now = 100.05
    hand.lanes.step(hand.now)
    assert hand.sizes() == [2]


def test_pages_that_fill_a_batch_wait_for_nobody() -> None:
    hand = taught()
    hand.add(*range(8), num_coming=2)
    assert hand.sizes() == [8]


def test_no_page_is_waited_for_while_a_later_lane_has_work() -> None:
    hand = taught()
    hand.add(1, num_coming=0)
    hand.now = hand.lanes.next_wakeup() or hand.now
    hand.lanes.step(hand.now)
    hand.start(0)
    hand.now += 0.05
    hand.add(2, num_coming=2)
    assert hand.sizes() == [1]
    hand.now += 0.01
    hand.end(0)
    assert [job.lane for job in hand.pipeline.jobs] == ["first", "second"]


def test_the_batch_behind_is_formed_shortly_before_the_device_is_free() -> None:
    hand = taught()
    hand.add(*range(8))
    hand.start(0)
    hand.now += 0.01
    hand.add(8)
    assert hand.sizes() == [8]
    wakeup = hand.lanes.next_wakeup()
    assert wakeup is not None
    assert 100.08 < wakeup < 100.108
    hand.now = wakeup
    hand.lanes.step(hand.now)
    assert hand.sizes() == [8, 1]


class ClosedLoop:
    """Clients with one one-page document each in flight, over a device that costs a tenth of a second and
    a thousandth a page. A client is back with its next page `turnaround_seconds` after its answer, and
    each of several that were answered together so much later than the one before."""

    def __init__(self, num_clients: int, turnaround_seconds: float, max_items: int = 16) -> None:
        self.hand = Hand(max_items=max_items)
        self.now = 0.0
        self.sizes: list[int] = []
        self.num_read = 0
        self._turnaround_seconds = turnaround_seconds
        self._events: list[tuple[float, int, str]] = [
            (index * turnaround_seconds, index, "page") for index in range(num_clients)
        ]
        self._numbers = iter(range(num_clients, 1_000_000))
        self._running = 0
        self._ended = 0

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            wakeup = self.hand.lanes.next_wakeup()
            event = min(self._events, default=(float("inf"), -1, ""))
            if wakeup is not None and wakeup < event[0]:
                self.hand.now = self.now = wakeup
            else:
                self._events.remove(event)
                self.hand.now = self.now = event[0]
                self._happen(event[1], event[2])
            self.hand.lanes.step(self.now)
            self._start()

    def _happen(self, number: int, event: str) -> None:
        if event == "page":
            self.hand.lanes.add(read_page(number, document=number), page(1), self.now)
            return
        size = self.hand.sizes()[number]
        self.hand.end(number, seconds=0.1 + 0.001 * size)
        self.sizes.append(size)
        self._ended += 1
        answered = sum(1 for message in self.hand.said if isinstance(message, PageRead))
        for place in range(answered - self.num_read):
            self._events.append(
                (self.now + (1 + place) * self._turnaround_seconds, next(self._numbers), "page")
            )
        self.num_read = answered

    def _start(self) -> None:
        if self._running == self._ended and self._running < len(self.hand.pipeline.jobs):
            number = self._running
            self._running += 1
            self.hand.start(number)
            cost = 0.1 + 0.001 * self.hand.sizes()[number]
            self._events.append((self.now + cost, number, "end"))


@pytest.mark.parametrize("turnaround_seconds", [0.0002, 0.001, 0.002])
def test_documents_in_a_closed_loop_come_to_share_all_batches(turnaround_seconds: float) -> None:
    loop = ClosedLoop(16, turnaround_seconds)
    loop.run(5.0)
    loop.sizes.clear()
    loop.run(60.0)
    assert sum(loop.sizes) / len(loop.sizes) > 15.5


@pytest.mark.parametrize("num_clients", [1, 4, 40])
def test_fewer_clients_than_a_batch_holds_go_together_as_soon_as_all_are_back(num_clients: int) -> None:
    loop = ClosedLoop(num_clients, 0.0005, max_items=64)
    loop.run(5.0)
    before = loop.num_read
    loop.run(60.0)
    cycle_seconds = 0.1 + num_clients * (0.001 + 0.0005)
    assert loop.num_read - before > 0.98 * num_clients * 60 / cycle_seconds


def test_more_clients_than_a_batch_holds_leave_the_device_no_rest() -> None:
    loop = ClosedLoop(48, 0.001)
    loop.run(60.0)
    assert loop.num_read > 0.97 * 60 * 16 / 0.116


def test_clients_that_come_back_slowly_are_served_as_they_come() -> None:
    loop = ClosedLoop(4, 0.2)
    loop.run(60.0)
    # The device takes 101 ms for one, and rests for no more than a quiet gap before each.
    assert loop.num_read > 60 / 0.111
