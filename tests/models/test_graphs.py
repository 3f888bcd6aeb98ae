"""Which batches are captured, in which order and within what time; what a replay gives and when it is used.
On the CPU a capture is the run itself, so all but the recording is the code that CUDA runs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.device_side.cpu import CpuSide
from quire.models.device_side.side import Run
from quire.models.graphs import (
    Candidate,
    GraphedForward,
    Rung,
    Timing,
    capture_within,
    ladder,
    size_to_replay,
)
from quire.models.ppocr.lanes import CUDA_BATCH
from quire.models.ppocr.networks import Networks
from quire.models.ppocr.speed_ups import on_graphs

SMALL, LARGE = Canvas(2, 4), Canvas(4, 8)


class Clock:
    """Tells what time it is, which passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Brightness:
    """A network that adds up each pixel's colours. Takes `seconds`; fails where it is told to."""

    def __init__(self, clock: Clock, seconds: float = 1.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self.batches: list[int] = []
        self.failure: dict[int, Exception] = {}

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        if len(images) in self.failure:
            raise self.failure[len(images)]
        self.batches.append(len(images))
        self._clock.now += self._seconds
        return (images.sum(1),)


class RecordingSide(CpuSide):
    """Replays without the network's clock, as a graph runs without its host; may be told to fail."""

    def __init__(self, clock: Clock, replay_seconds: float = 0.125) -> None:
        super().__init__()
        self._clock = clock
        self._replay_seconds = replay_seconds
        self.num_replays = 0
        self.is_broken = False

    def capture(self, run: Run) -> Run:
        def replay() -> None:
            if self.is_broken:
                raise RuntimeError("CUDA error: a graph that cannot be launched")
            before = self._clock.now
            run()
            self._clock.now = before + self._replay_seconds
            self.num_replays += 1

        return replay


def images_of(num_items: int, canvas: Canvas = LARGE) -> Tensor:
    generator = torch.Generator().manual_seed(num_items)
    shape = (num_items, 3, canvas.height, canvas.width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def sums(images: Tensor) -> list[list[list[int]]]:
    return [image.int().sum(0).tolist() for image in images]


def test_the_ladder_has_the_largest_batch_and_the_powers_of_two_below() -> None:
    rungs = ladder([SMALL, LARGE], {SMALL: 11, LARGE: 4}.__getitem__)
    assert [rung.num_items for rung in rungs if rung.canvas == SMALL] == [1, 2, 4, 8, 11]
    assert [rung.num_items for rung in rungs if rung.canvas == LARGE] == [1, 2, 4]


def test_one_page_a_batch_makes_a_ladder_of_one() -> None:
    assert ladder([LARGE], lambda canvas: 1) == (Rung(LARGE, 1),)


@pytest.mark.parametrize(
    ("num_items", "size"),
    [(1, 1), (2, 2), (3, 4), (4, 4), (5, None), (7, 8), (8, 8), (9, None)],
)
def test_a_batch_is_filled_up_only_where_that_saves_time(num_items: int, size: int | None) -> None:
    """Eagerly 4 items take 4 s and 8 take 8 s; a replay takes 3.5 s and 6.5 s whatever it holds."""
    timings = {1: Timing(4, 1), 2: Timing(4, 2), 4: Timing(4, 3.5), 8: Timing(8, 6.5)}
    assert size_to_replay(timings, num_items) == size


def test_below_the_least_captured_size_time_is_taken_to_grow_from_nothing() -> None:
    assert size_to_replay({8: Timing(8, 5)}, 4) is None
    assert size_to_replay({8: Timing(8, 5)}, 6) == 8


def test_a_graph_slower_than_running_is_not_used() -> None:
    assert size_to_replay({4: Timing(1, 2)}, 4) is None
    assert size_to_replay({}, 1) is None


def graphed(
    clock: Clock, side: RecordingSide, sizes: tuple[int, ...] = (2, 8)
) -> tuple[GraphedForward, Brightness]:
    eager = Brightness(clock)
    forward = GraphedForward(eager, side, [Rung(LARGE, size) for size in sizes], clock)
    for rung in forward.rungs:
        forward.capture(rung)
    eager.batches.clear()
    side.num_replays = 0
    return forward, eager


@pytest.mark.parametrize(("num_items", "runs_as"), [(1, 2), (2, 2), (3, 8), (8, 8), (9, 9)])
def test_a_batch_runs_on_the_next_captured_size_and_gives_its_own_rows(num_items: int, runs_as: int) -> None:
    clock = Clock()
    forward, eager = graphed(clock, RecordingSide(clock))
    images = images_of(num_items)
    (found,) = forward(images)
    assert found.tolist() == sums(images)
    assert eager.batches == [runs_as]


def test_a_canvas_that_was_not_captured_runs_eagerly() -> None:
    clock = Clock()
    side = RecordingSide(clock)
    forward, eager = graphed(clock, side)
    (found,) = forward(images_of(2, SMALL))
    assert found.tolist() == sums(images_of(2, SMALL))
    assert (eager.batches, side.num_replays) == ([2], 0)


def test_results_outlive_the_next_replay() -> None:
    clock = Clock()
    forward, _ = graphed(clock, RecordingSide(clock))
    (first,) = forward(images_of(8))
    (second,) = forward(255 - images_of(8))
    assert first.tolist() == sums(images_of(8)) != second.tolist()


def test_a_graph_that_fails_costs_no_batch_and_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    side = RecordingSide(clock)
    forward, eager = graphed(clock, side, sizes=(8,))
    side.is_broken = True
    for _ in range(2):
        (found,) = forward(images_of(8))
        assert found.tolist() == sums(images_of(8))
    assert eager.batches == [8, 8]
    assert [record.message for record in caplog.records] == ["a CUDA graph failed and is left out"]


def candidates(forward: GraphedForward) -> list[Candidate]:
    return [Candidate(forward, rung, rung.pixels) for rung in forward.rungs]


def captured_order(eager: Brightness) -> list[int]:
    """Each capture runs the network several times."""
    return [size for before, size in pairwise([0, *eager.batches]) if size != before]


def forward_of(eager: Brightness, clock: Clock, canvases: int = 1) -> GraphedForward:
    rungs = ladder([SMALL, LARGE][-canvases:], lambda canvas: 16 if canvas == LARGE else 32)
    return GraphedForward(eager, RecordingSide(clock), rungs, clock)


def test_the_costliest_go_first() -> None:
    clock = Clock()
    eager = Brightness(clock, seconds=0.0)
    captures = capture_within(candidates(forward_of(eager, clock, canvases=2)), 1000.0, clock)
    assert captures.num_captured == 11
    # 16 large pages are as many pixels as 64 small ones; of equal costs the canvas named first goes first.
    assert captured_order(eager) == [16, 32, 8, 16, 4, 8, 2, 4, 1, 2, 1]


def test_no_capture_begins_that_would_end_too_late() -> None:
    """A capture takes 2.25 s here: the network runs twice, its replay twice."""
    clock = Clock()
    captures = capture_within(candidates(forward_of(Brightness(clock), clock)), 7.0, clock)
    assert (captures.num_captured, captures.num_skipped, captures.num_failed) == (3, 2, 0)
    assert captures.seconds == pytest.approx(6.75)


def test_no_time_is_no_graph() -> None:
    clock = Clock()
    eager = Brightness(clock)
    captures = capture_within(candidates(forward_of(eager, clock)), 0.0, clock)
    assert (captures.num_captured, captures.num_skipped, eager.batches) == (0, 5, [])


def test_what_runs_out_of_memory_is_left_out_and_the_rest_captured(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    eager = Brightness(clock)
    eager.failure = {16: torch.OutOfMemoryError("CUDA out of memory"), 8: MemoryError()}
    forward = forward_of(eager, clock)
    captures = capture_within(candidates(forward), 1000.0, clock)
    assert (captures.num_captured, captures.num_skipped, captures.num_failed) == (3, 0, 2)
    assert captures.first_failure == "OutOfMemoryError: CUDA out of memory"
    assert [record.message for record in caplog.records] == ["CUDA graphs captured"]
    (found,) = forward(images_of(4))
    assert found.tolist() == sums(images_of(4))


def test_any_other_failure_ends_capturing() -> None:
    clock = Clock()
    eager = Brightness(clock)
    eager.failure = {8: RuntimeError("called a synchronizing CUDA operation")}
    forward = forward_of(eager, clock)
    captures = capture_within(candidates(forward), 1000.0, clock)
    assert (captures.num_captured, captures.num_skipped, captures.num_failed) == (1, 3, 1)
    eager.failure.clear()
    (found,) = forward(images_of(8))
    assert found.tolist() == sums(images_of(8))


def always_replaying(networks: Networks, canvas: Canvas, num_items: int) -> Networks:
    """Every batch on the canvas goes over the one captured size, however long that takes."""
    clock = Clock()
    rungs = [Rung(canvas, num_items)]
    detection = GraphedForward(networks.detection, RecordingSide(clock), rungs, clock)
    recognition = GraphedForward(networks.recognition, RecordingSide(clock), rungs, clock)
    with torch.inference_mode():
        (recognition if canvas.height == 48 else detection).capture(rungs[0])
    return replace(networks, detection=detection, recognition=recognition)


def test_filled_up_lines_say_what_they_say_alone(networks: Networks) -> None:
    canvas = Canvas(48, 160)
    replaying = always_replaying(networks, canvas, 8)
    for num_items in (1, 3, 8):
        lines = images_of(num_items, canvas)
        expected, found = networks.recognize(lines), replaying.recognize(lines)
        assert torch.equal(found.classes, expected.classes)
        assert torch.equal(found.confidences, expected.confidences)
        assert torch.equal(found.space_odds, expected.space_odds)


def test_filled_up_pages_are_searched_as_they_are_alone(networks: Networks) -> None:
    canvas = Canvas(224, 224)
    replaying = always_replaying(networks, canvas, 3)
    for num_items in (1, 2, 3):
        pages = images_of(num_items, canvas)
        assert torch.equal(replaying.detect(pages), networks.detect(pages))


def test_every_canvas_has_its_rungs_on_cuda(networks: Networks) -> None:
    graphs = on_graphs(networks, CUDA_BATCH, {})
    for forward in (graphs.detection, graphs.recognition):
        canvases = {rung.canvas for rung in forward.rungs}
        for canvas in canvases:
            sizes = [rung.num_items for rung in forward.rungs if rung.canvas == canvas]
            assert sizes[0] == 1
            assert all(after <= 2 * before for before, after in pairwise(sizes))
    assert graphs.capture(0.0).num_captured == 0
