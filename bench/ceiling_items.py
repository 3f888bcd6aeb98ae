"""Which canvases and lines does the model lay on the device for given documents? Kept as tensors in a file:
the raw ceiling runs the networks on them alone.

A program of its own, spoken to through `line_process`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.documents import Document, pages_of
from bench.in_process import read_pages
from bench.line_process import answer_lines
from quire.engine.port import Canvas, Lane, PageModel, Pixels
from quire.models.device_program import load
from quire.words.reading import ModelInfo
from quire.words.settings import Settings

_PAGES_AT_ONCE = 8

Items = dict[tuple[str, int, int], Tensor]
"""By lane, canvas height and canvas width: uint8 [n, 3, h, w]."""


class RecordingLane:
    """A lane that keeps what it lays on the device."""

    def __init__(self, name: str, lane: Lane, kept: dict[tuple[str, int, int], list[Tensor]]) -> None:
        self.max_items, self.device, self.post = lane.max_items, lane.device, lane.post
        self._name = name
        self._lane = lane
        self._kept = kept

    def pre(self, canvas: Canvas, payloads: Sequence[Any]) -> Any:
        prepared = self._lane.pre(canvas, payloads)
        if not isinstance(prepared, Tensor):
            raise TypeError(f"{self._name} prepares a {type(prepared).__name__}, not a tensor")
        self._kept[(self._name, canvas.height, canvas.width)].append(prepared.cpu())
        return prepared


class RecordingModel:
    """A model whose lanes keep what they lay on the device."""

    def __init__(self, model: PageModel) -> None:
        self._model = model
        self._kept: defaultdict[tuple[str, int, int], list[Tensor]] = defaultdict(list)
        self.info: ModelInfo = model.info
        self.lanes: dict[str, Lane] = {
            name: RecordingLane(name, lane, self._kept) for name, lane in model.lanes.items()
        }

    def warm_up(self) -> None:
        self._model.warm_up()

    def read(self, pixels: Pixels) -> Any:
        return self._model.read(pixels)

    def take(self) -> Items:
        """All that was kept since it was last taken."""
        items = {key: torch.cat(tensors) for key, tensors in self._kept.items()}
        self._kept.clear()
        return items


def record(model: RecordingModel, pages: Iterable[Pixels]) -> int:
    """Reads the pages, some at a time, and returns how many they are."""
    num_pages = 0
    waiting = iter(pages)
    while some := list(islice(waiting, _PAGES_AT_ONCE)):
        read_pages(model, some)
        num_pages += len(some)
    return num_pages


def _pages(documents: Sequence[Document], settings: Settings) -> Iterator[Pixels]:
    for document in documents:
        yield from pages_of(document.path, document.media_type, settings)


def main() -> None:
    settings = Settings.from_environ(os.environ)
    loaded = load(settings)
    model = RecordingModel(loaded.model)

    def answer(command: dict[str, Any]) -> dict[str, Any]:
        documents = [Document(Path(path)) for path in command["documents"]]
        num_pages = record(model, _pages(documents, settings))
        items = model.take()
        torch.save(items, command["into"])
        limits = {
            f"{lane} {height}x{width}": loaded.model.lanes[lane].max_items(Canvas(height, width))
            for lane, height, width in items
        }
        return {"pages": num_pages, "limits": limits}

    answer_lines(lambda: {"device": loaded.device, "precision": loaded.precision}, answer)


if __name__ == "__main__":
    main()
