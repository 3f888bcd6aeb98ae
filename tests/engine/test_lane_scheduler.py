"""Inside the device worker: batches mix pages, and a failure costs its own page only."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pytest

from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import BatchRun, LimitBatch, PageFaulted, PageRead
from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory, Item, Lane, Pixels
from quire.models.stub import CANVAS, Marker, StubModel, StubOptions
from quire.words.reading import PageText


def page(value: int, marker: tuple[int, int, int] | None = None) -> Pixels:
    pixels = np.full((4, 6, 3), value, dtype=np.uint8)
    if marker:
        pixels[0, 0] = marker
    return pixels


class Driver:
    """A scheduler over the stub, and what it said."""

    def __init__(self, **options: Any) -> None:
        self.said: list[Any] = []
        self.lanes = LaneScheduler(StubModel(StubOptions(**options)), self.said.append)

    def run(self) -> None:
        for turn in range(1000):
            if self.lanes.is_idle:
                return
            self.lanes.step(float(turn))
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
        driver.lanes.add(key, page(key), 0.0)
    driver.run()
    assert driver.batch_sizes() == [10]
    assert driver.texts() == {key: f"6 x 4: {72 * key}" for key in range(10)}


@pytest.mark.parametrize("poisoned", range(7))
def test_a_poison_page_in_any_place_costs_only_itself(poisoned: int) -> None:
    driver = Driver()
    for key in range(7):
        driver.lanes.add(key, page(key, Marker.POISON if key == poisoned else None), 0.0)
    driver.run()
    assert driver.faulted() == [poisoned]
    assert sorted(driver.texts()) == [key for key in range(7) if key != poisoned]


def test_out_of_memory_halves_the_batch_and_is_remembered() -> None:
    driver = Driver(memory_items=3)
    for key in range(12):
        driver.lanes.add(key, page(key), 0.0)
    driver.run()
    assert sorted(driver.texts()) == list(range(12))
    assert max(driver.batch_sizes()) <= 3
    learnt = [m.max_items for m in driver.said if isinstance(m, LimitBatch)]
    assert learnt == [6, 3]
    driver.said.clear()
    for key in range(20, 26):
        driver.lanes.add(key, page(1), 0.0)
    driver.run()
    assert driver.batch_sizes() == [3, 3]
    assert not [m for m in driver.said if isinstance(m, LimitBatch)]


def test_a_ceiling_from_an_earlier_worker_is_kept() -> None:
    driver = Driver()
    driver.lanes.limit(
        LimitBatch(lane="stub", canvas_height=CANVAS.height, canvas_width=CANVAS.width, max_items=2)
    )
    for key in range(6):
        driver.lanes.add(key, page(1), 0.0)
    driver.run()
    assert driver.batch_sizes() == [2, 2, 2]


def test_a_page_that_does_not_fit_alone_faults() -> None:
    driver = Driver(memory_items=0)
    driver.lanes.add(1, page(1), 0.0)
    driver.run()
    assert driver.faulted() == [1]


def test_a_dropped_page_is_neither_run_nor_answered() -> None:
    driver = Driver()
    driver.lanes.add(1, page(1), 0.0)
    driver.lanes.add(2, page(2), 0.0)
    assert driver.lanes.drop(1)
    assert not driver.lanes.drop(1)
    driver.run()
    assert sorted(driver.texts()) == [2]
    assert driver.batch_sizes() == [1]


def test_a_lost_device_ends_the_worker() -> None:
    driver = Driver()
    driver.lanes.add(1, page(1, Marker.FATAL), 0.0)
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
        yield [Item("stub", CANVAS, pixels)]
        return PageText(text="", lines=(), blocks=())


def run_over(lane: Lane, pages: int) -> list[Any]:
    said: list[Any] = []
    lanes = LaneScheduler(OneLaneModel(lane), said.append)
    for key in range(pages):
        lanes.add(key, page(key), 0.0)
    while not lanes.is_idle:
        lanes.step(0.0)
    return said


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
