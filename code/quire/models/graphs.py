"""A network on CUDA graphs: batches of few sizes on fixed canvases, each captured once and replayed.

A replay costs the host one call instead of one a kernel, which is what binds small batches. All captures
of a network share one input and one set of outputs in the device's memory, since only one runs at a time.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.device_side.side import DeviceSide, Run
from quire.models.forward import Forward
from quire.words.json_lines import log_line

log = logging.getLogger("quire.device")

Clock = Callable[[], float]

_CHANNELS = 3


@dataclass(frozen=True)
class Rung:
    """A size of batch on a canvas."""

    canvas: Canvas
    num_items: int

    @property
    def pixels(self) -> int:
        return self.canvas.pixels * self.num_items


def ladder(canvases: Sequence[Canvas], max_items: Callable[[Canvas], int]) -> tuple[Rung, ...]:
    """For each canvas the largest batch and the powers of two below it."""
    return tuple(Rung(canvas, size) for canvas in canvases for size in _sizes(max_items(canvas)))


def _sizes(most: int) -> list[int]:
    return sorted({most, *(2**power for power in range(most.bit_length()))})


@dataclass(frozen=True)
class Timing:
    """Seconds of one batch of some size, run eagerly and replayed."""

    eager: float
    replayed: float


def size_to_replay(timings: Mapping[int, Timing], num_items: int) -> int | None:
    """The captured size to fill up to, or None where running eagerly is quicker: what filling up wastes
    must be less than what the replay saves. Between two captured sizes the eager time is taken to grow
    evenly, and below the least from nothing."""
    upper = min((size for size in timings if size >= num_items), default=None)
    if upper is None:
        return None
    lower = max((size for size in timings if size < num_items), default=0)
    from_seconds = timings[lower].eager if lower else 0.0
    share = (num_items - lower) / (upper - lower)
    eager = from_seconds + share * (timings[upper].eager - from_seconds)
    return upper if timings[upper].replayed <= eager else None


@dataclass(frozen=True)
class _Captured:
    """`images` and `outputs` are where the replay reads and writes."""

    images: Tensor
    outputs: tuple[Tensor, ...]
    replay: Run
    timing: Timing


class GraphedForward:
    """A Forward. Not for several threads. Runs eagerly whatever was not captured."""

    def __init__(
        self, eager: Forward, side: DeviceSide, rungs: Sequence[Rung], clock: Clock = time.perf_counter
    ) -> None:
        self.rungs = tuple(rungs)
        self._eager = eager
        self._side = side
        self._clock = clock
        self._most_pixels = max((rung.pixels for rung in rungs), default=0)
        self._input: Tensor | None = None
        self._outputs: tuple[Tensor, ...] = ()
        self._captured: dict[Canvas, dict[int, _Captured]] = {}

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        canvas, num_items = Canvas(*images.shape[2:]), images.shape[0]
        captured = self._captured.get(canvas, {})
        size = size_to_replay({each: found.timing for each, found in captured.items()}, num_items)
        if size is None:
            return self._eager(images)
        try:
            return _replayed(captured[size], images)
        except RuntimeError as error:
            # Where the device itself is gone, running eagerly says so.
            del captured[size]
            log_line(log, logging.WARNING, "a CUDA graph failed and is left out", reason=str(error))
            return self._eager(images)

    def capture(self, rung: Rung) -> None:
        """Raises whatever the device raises; the rung is then left out."""
        images = self._view_of_input(rung)
        outputs = self._views_of_outputs(self._eager(images), rung)

        def run() -> None:
            for static, fresh in zip(outputs, self._eager(images), strict=True):
                static.copy_(fresh)

        eager_seconds = self._seconds(run)
        replay = self._side.capture(run)
        replay()
        timing = Timing(eager_seconds, self._seconds(replay))
        self._captured.setdefault(rung.canvas, {})[rung.num_items] = _Captured(
            images, outputs, replay, timing
        )

    def _seconds(self, run: Run) -> float:
        self._side.finish()
        began = self._clock()
        run()
        self._side.finish()
        return self._clock() - began

    def _view_of_input(self, rung: Rung) -> Tensor:
        if self._input is None:
            self._input = torch.zeros(
                self._most_pixels * _CHANNELS, dtype=torch.uint8, device=self._side.device
            )
        shape = (rung.num_items, rung.canvas.height, rung.canvas.width, _CHANNELS)
        return self._input[: math.prod(shape)].view(shape).permute(0, 3, 1, 2)

    def _views_of_outputs(self, made: tuple[Tensor, ...], rung: Rung) -> tuple[Tensor, ...]:
        """Every output grows with the pixels of its batch, so the first one tells how large all can be."""
        if not self._outputs:
            self._outputs = tuple(
                each.new_empty(math.ceil(each.numel() / rung.pixels * self._most_pixels)) for each in made
            )
        return tuple(
            buffer[: each.numel()].view(each.shape) for buffer, each in zip(self._outputs, made, strict=True)
        )


def _replayed(captured: _Captured, images: Tensor) -> tuple[Tensor, ...]:
    num_items = images.shape[0]
    captured.images[:num_items].copy_(images)
    captured.images[num_items:].copy_(images[-1:].expand_as(captured.images[num_items:]))
    captured.replay()
    # The next replay writes over them.
    return tuple(output[:num_items].clone() for output in captured.outputs)


@dataclass(frozen=True)
class Candidate:
    """A rung that may be captured; those of greater `cost` go first."""

    forward: GraphedForward
    rung: Rung
    cost: float


@dataclass(frozen=True)
class Captures:
    """How many rungs were captured, how many were not reached in time, how many failed and why first."""

    num_captured: int
    num_skipped: int
    num_failed: int
    seconds: float
    first_failure: str | None


@torch.inference_mode()
def capture_within(candidates: Sequence[Candidate], budget_seconds: float, clock: Clock) -> Captures:
    """Captures until the next one, taken to last as long as the one before it, would pass the budget. What
    runs out of memory is left out; any other failure ends it all, since it may leave torch's allocator in
    the middle of a capture. Logs one line."""
    began, last_seconds = clock(), 0.0
    num_captured, num_tried, failures = 0, 0, list[Exception]()
    for candidate in sorted(candidates, key=lambda each: -each.cost):
        started = clock()
        if started - began + last_seconds >= budget_seconds:
            break
        num_tried += 1
        try:
            candidate.forward.capture(candidate.rung)
            num_captured += 1
        except Exception as error:  # noqa: BLE001  (a speed-up that fails costs nothing but itself)
            failures.append(error)
            if not isinstance(error, torch.OutOfMemoryError | MemoryError):
                break
        last_seconds = clock() - started
    captures = Captures(
        num_captured=num_captured,
        num_skipped=len(candidates) - num_tried,
        num_failed=len(failures),
        seconds=clock() - began,
        first_failure=f"{type(failures[0]).__name__}: {failures[0]}"[:500] if failures else None,
    )
    _report(captures)
    return captures


def _report(captures: Captures) -> None:
    log_line(
        log,
        logging.WARNING if captures.num_failed else logging.INFO,
        "CUDA graphs captured",
        captured=captures.num_captured,
        skipped=captures.num_skipped,
        failed=captures.num_failed,
        seconds=round(captures.seconds, 1),
        reason=captures.first_failure,
    )
