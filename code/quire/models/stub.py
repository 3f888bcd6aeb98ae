"""A page model without torch: deterministic, with faults that a page's first pixel asks for. It proves
scheduling and healing at scales and in ways that no real model can, and is served when a model
folder's quire.json says `"task": "stub"`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory, Item, Lane, Pixels
from quire.words.reading import Block, Line, ModelInfo, PageText, rectangle

PORTRAIT, LANDSCAPE, SQUARE = Canvas(96, 64), Canvas(64, 96), Canvas(64, 64)

_LEAST_OBLONG = 1.25
"""Longer side by shorter side of a page that is not laid on the square canvas."""


class StubOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of n pages costs `batch_seconds` + n × `page_seconds`, times its canvas's factor; more than
    `memory_items` pages run out of memory. Loading takes `load_seconds`."""

    batch_seconds: float = 0.0
    page_seconds: float = 0.0
    load_seconds: float = 0.0
    slow_seconds: float = 1.0
    memory_items: int = 1_000_000
    max_items: int = 16
    portrait_factor: float = 1.0
    landscape_factor: float = 1.0
    square_factor: float = 1.0

    def with_batch_share(self, share: float) -> StubOptions:
        """As QUIRE_BATCH_SHARE asks: so many times `max_items`, and at least one."""
        return msgspec.structs.replace(self, max_items=max(1, int(self.max_items * share)))

    def seconds(self, canvas: Canvas, num_items: int) -> float:
        """What a batch costs on the device."""
        factors = {
            PORTRAIT: self.portrait_factor,
            LANDSCAPE: self.landscape_factor,
            SQUARE: self.square_factor,
        }
        return (self.batch_seconds + num_items * self.page_seconds) * factors[canvas]


class Marker:
    """Colours of a page's first pixel, and what the stub does when it meets them."""

    POISON = (1, 2, 3)
    KILL = (4, 5, 6)
    HANG = (7, 8, 9)
    FATAL = (10, 11, 12)
    SLOW = (13, 14, 15)


@dataclass(frozen=True)
class StubBatch:
    """Pages laid out: the first pixel of each."""

    canvas: Canvas
    markers: tuple[tuple[int, ...], ...]


class StubLane:
    """One lane, three canvases. All its time is spent on the device."""

    def __init__(self, options: StubOptions) -> None:
        self._options = options

    def max_items(self, canvas: Canvas) -> int:
        return self._options.max_items

    def pre(self, canvas: Canvas, payloads: Sequence[Pixels]) -> StubBatch:
        return StubBatch(canvas, tuple(tuple(int(value) for value in page[0, 0]) for page in payloads))

    def device(self, prepared: StubBatch) -> StubBatch:
        num_items = len(prepared.markers)
        if num_items > self._options.memory_items:
            raise DeviceOutOfMemory(f"{num_items} items")
        time.sleep(self._options.seconds(prepared.canvas, num_items))
        for marker in prepared.markers:
            self._act_on(marker)
        return prepared

    def post(self, output: StubBatch, payloads: Sequence[Pixels]) -> list[Any]:
        return [int(np.sum(pixels, dtype=np.int64)) for pixels in payloads]

    def _act_on(self, marker: tuple[int, ...]) -> None:
        if marker == Marker.POISON:
            raise ValueError("a poison page")
        if marker == Marker.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if marker == Marker.HANG:
            time.sleep(3600)
        if marker == Marker.FATAL:
            raise DeviceLost("the stub's device is gone")
        if marker == Marker.SLOW:
            time.sleep(self._options.slow_seconds)


def stub_canvas(pixels: Pixels) -> Canvas:
    height, width, _ = pixels.shape
    if max(height, width) < _LEAST_OBLONG * min(height, width):
        return SQUARE
    return PORTRAIT if height > width else LANDSCAPE


class StubModel:
    """Reads as each page's text its size and the sum of its pixels."""

    info = ModelInfo(name="stub", revision="1")

    def __init__(self, options: StubOptions) -> None:
        self.lanes: dict[str, Lane] = {"stub": StubLane(options)}
        time.sleep(options.load_seconds)

    def warm_up(self) -> None:
        """Nothing is left to load."""

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        total = (yield [Item("stub", stub_canvas(pixels), pixels)])[0]
        height, width, _ = pixels.shape
        text = f"{width} x {height}: {total}"
        box = rectangle(0, 0, width, height)
        line = Line(text=text, confidence=1.0, polygon=box)
        return PageText(text=text, lines=(line,), blocks=(Block(type="text", polygon=box, lines=(0,)),))
