"""The port between the device worker and a page model: what a model is, seen from the lanes.

A page is read by a generator. It yields items, each for one lane on one canvas, and is sent one output
for each, in order; in the end it returns the page's text. So the model's own logic is straight code,
while the device worker lays items of all pages on the device together, canvas by canvas.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from quire.words.reading import ModelInfo, PageText
from quire.words.request import Asked

Pixels = npt.NDArray[np.uint8]
"""Height × width × 3, RGB, top row first."""


class DeviceOutOfMemory(Exception):
    """The batch did not fit; a smaller one may. Lanes raise it in place of their framework's own."""


class DeviceLost(Exception):
    """The device or its context is broken for good: only a new process can help."""


def fault_reason(error: Exception) -> str:
    """What an error that a model raised is called in messages and logs."""
    return f"{type(error).__name__}: {error}"[:500]


@dataclass(frozen=True, order=True)
class Canvas:
    """The fixed shape, in pixels, that an item is laid on. A batch holds one canvas."""

    height: int
    width: int

    @property
    def pixels(self) -> int:
        return self.height * self.width


@dataclass(frozen=True)
class Item:
    """What a lane works on. The canvas depends on this item alone, never on its neighbours."""

    lane: str
    canvas: Canvas
    payload: Any


@runtime_checkable
class Running(Protocol):
    """An output of `Lane.device` at which the device still works, as CUDA does when a call returns."""

    def wait(self) -> None:
        """Returns once the device is through with it and the output lies on the host. Raises what
        `Lane.device` does."""


class Lane(Protocol):
    """One stage of a model that batches on its own. Each of its stages is called from one thread, and
    the three threads overlap: `pre` of the next batch and `post` of the last one run beside `device`."""

    def max_items(self, canvas: Canvas) -> int:
        """The largest batch worth making on this canvas."""

    def pre(self, canvas: Canvas, payloads: Sequence[Any]) -> Any:
        """Lays payloads on the canvas: host work and uploads."""

    def device(self, prepared: Any) -> Any:
        """The forward pass. Raises DeviceOutOfMemory or DeviceLost. Where it returns before the device
        is through, its output is a `Running`, whose `wait` is called before `post`."""

    def post(self, output: Any, payloads: Sequence[Any]) -> list[Any]:
        """One output for each payload, in order."""


@runtime_checkable
class Stepwise(Protocol):
    """A lane whose outputs bring their pages' next items for it at once, as steps of a sequence do. Items
    that wait for it join those under way rather than take turns with them, and let all other lanes go
    first, which bring more items to it."""

    is_stepwise: bool


Texts = tuple[str, ...]
"""The text of each page of a document, in order; empty for a page that failed."""


class PageModel(Protocol):
    """A model as the device worker holds it."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """By name, in the order in which a page passes them."""

    def warm_up(self) -> None:
        """Runs every lane once, so that the first page finds nothing left to load."""

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        """Reads one page. `pixels` is borrowed: valid until the generator ends."""


@runtime_checkable
class TextModel(Protocol):
    """A page model that reads the text of each document as a whole too, once its pages are read."""

    def read_text(self, texts: Texts) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        """What it finds stands in the `fields` of what it returns, and then in the document's answer."""


@runtime_checkable
class AskableModel(Protocol):
    """A page model that writes, and can be asked for something else than its own."""

    def read_asked(self, pixels: Pixels, asked: Asked) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        """As `read`. Raises BadRequest for what it cannot be asked: the page is not tried again."""
