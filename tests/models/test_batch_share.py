"""QUIRE_BATCH_SHARE: how large the batches of the reader and of the stub become."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from bench.in_process import read_pages
from quire.engine.port import Canvas, Item, Lane, Pixels
from quire.models.device_program import load
from quire.models.ppocr.canvases import DETECTION_CANVASES, LINE_CANVASES
from quire.models.ppocr.lanes import CUDA_BATCH, DETECTION, RECOGNITION, batch_pixels
from quire.models.ppocr.reader import PPOCRReader, load_reader
from quire.words.reading import PageText
from quire.words.settings import Settings

LARGEST = 8
"""Lines in a batch of the 320 pixels' width that the CPU's ceiling is counted in."""


def reader_with(folder: Path, **variables: str) -> PPOCRReader:
    environ = {"QUIRE_DEVICE": "cpu", "QUIRE_PRECISION": "fp32", **variables}
    return load_reader(folder, Settings.from_environ(environ))


def page_of_equal_lines(num_lines: int) -> Pixels:
    image = Image.new("RGB", (700, 60 + 50 * num_lines), "white")
    draw = ImageDraw.Draw(image)
    for number in range(num_lines):
        draw.text((40, 40 + 50 * number), "Harbour Street", "black", ImageFont.load_default(28))
    return np.asarray(image)


@dataclass
class CountingLane:
    """A lane that remembers the sizes of its batches."""

    lane: Lane
    sizes: list[tuple[Canvas, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.max_items, self.device, self.post = self.lane.max_items, self.lane.device, self.lane.post

    def pre(self, canvas: Canvas, payloads: Sequence[Any]) -> Any:
        self.sizes.append((canvas, len(payloads)))
        return self.lane.pre(canvas, payloads)


class CountingReader:
    """A reader whose recognition is counted."""

    def __init__(self, reader: PPOCRReader) -> None:
        self._reader = reader
        self.info = reader.info
        self.recognition = CountingLane(reader.lanes[RECOGNITION])
        self.lanes: dict[str, Lane] = {**reader.lanes, RECOGNITION: self.recognition}

    def warm_up(self) -> None:
        self._reader.warm_up()

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        return self._reader.read(pixels)


def test_half_the_share_halves_the_batches_that_a_page_is_read_in(default_model: Path) -> None:
    page = page_of_equal_lines(2 * LARGEST)
    whole = CountingReader(reader_with(default_model))
    half = CountingReader(reader_with(default_model, QUIRE_BATCH_SHARE="0.5"))
    assert read_pages(whole, [page]) == read_pages(half, [page])
    canvas, largest = max(whole.recognition.sizes, key=lambda each: each[1])
    halved = max(size for laid_on, size in half.recognition.sizes if laid_on == canvas)
    assert largest == whole.lanes[RECOGNITION].max_items(canvas) > 2
    assert halved == largest // 2


def test_a_share_holds_on_every_canvas_and_leaves_at_least_one_item(default_model: Path) -> None:
    whole = reader_with(default_model).lanes
    shared = {share: reader_with(default_model, QUIRE_BATCH_SHARE=str(share)).lanes for share in (0.25, 2.0)}
    for lane, canvases in ((DETECTION, DETECTION_CANVASES), (RECOGNITION, LINE_CANVASES)):
        for canvas in canvases:
            most = whole[lane].max_items(canvas)
            assert shared[2.0][lane].max_items(canvas) in (1, 2 * most, 2 * most + 1)
            assert shared[0.25][lane].max_items(canvas) == max(1, most // 4)


def test_on_cuda_it_is_a_share_of_the_larger_ceilings() -> None:
    half = batch_pixels(torch.device("cuda"), 0.5)
    assert 2 * half.detection == CUDA_BATCH.detection
    assert 2 * half.recognition == CUDA_BATCH.recognition


@pytest.mark.parametrize(
    ("share", "max_items", "pages_wanted"), [("0.25", 2, 4), ("1", 8, 16), ("0.05", 1, 2)]
)
def test_the_stub_takes_its_share(tmp_path: Path, share: str, max_items: int, pages_wanted: int) -> None:
    (tmp_path / "model").mkdir()
    content = {"task": "stub", "options": {"max_items": 8}}
    (tmp_path / "model" / "quire.json").write_text(json.dumps(content))
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path), "QUIRE_BATCH_SHARE": share}
    loaded = load(Settings.from_environ(environ))
    assert loaded.model.lanes["stub"].max_items(Canvas(64, 64)) == max_items
    assert loaded.pages_wanted == pages_wanted


@pytest.mark.parametrize(("share", "pages_wanted"), [("0.5", 3), ("2", 6)])
def test_larger_batches_ask_for_more_pages(default_model: Path, share: str, pages_wanted: int) -> None:
    assert default_model.is_dir()
    environ = {"QUIRE_DEVICE": "cpu", "QUIRE_PRECISION": "fp32", "QUIRE_BATCH_SHARE": share}
    assert load(Settings.from_environ(environ)).pages_wanted == pages_wanted
