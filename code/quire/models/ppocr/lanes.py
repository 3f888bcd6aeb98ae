"""The reader's two lanes: pages to regions of text, and lines to what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.device_faults import translated_device_faults
from quire.models.ppocr.decoding import Decoder, Reading
from quire.models.ppocr.networks import Networks, Recognized
from quire.models.ppocr.page_images import PageImage
from quire.models.ppocr.quads import Floats, PageView
from quire.models.ppocr.regions import Regions, find_regions

DETECTION = "detection"
RECOGNITION = "recognition"


@dataclass(frozen=True)
class BatchPixels:
    """How many pixels of canvas a batch may hold."""

    detection: int
    recognition: int


CPU_BATCH = BatchPixels(detection=1_500_000, recognition=16 * 48 * 320)
"""Larger batches were not seen to be faster on the CPU, and hold others up for longer."""

CUDA_BATCH = BatchPixels(detection=24_000_000, recognition=512 * 48 * 320)


@dataclass(frozen=True)
class PageSearch:
    """A page to be searched for text as it is seen in `view`."""

    page: PageImage
    view: PageView


class DetectionLane:
    """Payload: PageSearch. Output: Regions."""

    def __init__(self, networks: Networks, batch_pixels: int) -> None:
        self._networks = networks
        self._batch_pixels = batch_pixels

    def max_items(self, canvas: Canvas) -> int:
        return max(1, self._batch_pixels // canvas.pixels)

    def pre(self, canvas: Canvas, payloads: Sequence[PageSearch]) -> Tensor:
        with translated_device_faults():
            return torch.cat([search.page.cut(search.view.frame(), canvas) for search in payloads])

    def device(self, prepared: Tensor) -> Tensor:
        with translated_device_faults():
            return self._networks.detect(prepared)

    def post(self, output: Tensor, payloads: Sequence[PageSearch]) -> list[Regions]:
        with translated_device_faults():
            probabilities = output.cpu().numpy()
        return [find_regions(each, search.view) for each, search in zip(probabilities, payloads, strict=True)]


@dataclass(frozen=True)
class LinePlace:
    """A line of a page; `quad` is [4, 2] in its pixels, corners in the text's own order."""

    page: PageImage
    quad: Floats


class RecognitionLane:
    """Payload: LinePlace. Output: Reading."""

    def __init__(self, networks: Networks, batch_pixels: int) -> None:
        self._networks = networks
        self._batch_pixels = batch_pixels
        self._decoder = Decoder(networks.characters)

    def max_items(self, canvas: Canvas) -> int:
        return max(1, self._batch_pixels // canvas.pixels)

    def pre(self, canvas: Canvas, payloads: Sequence[LinePlace]) -> Tensor:
        with translated_device_faults():
            return torch.cat([page.cut(quads, canvas) for page, quads in _runs(payloads)])

    def device(self, prepared: Tensor) -> Recognized:
        with translated_device_faults():
            return self._networks.recognize(prepared)

    def post(self, output: Recognized, payloads: Sequence[LinePlace]) -> list[Reading]:
        with translated_device_faults():
            steps = (output.classes, output.confidences, output.space_odds)
            classes, confidences, space_odds = (each.cpu().numpy() for each in steps)
        return self._decoder.decode(classes, confidences, space_odds)


def _runs(payloads: Sequence[LinePlace]) -> list[tuple[PageImage, Floats]]:
    """Neighbours from one page together: they are cut at once. Keeps the order."""
    starts = [
        index
        for index, place in enumerate(payloads)
        if index == 0 or place.page is not payloads[index - 1].page
    ]
    ends = [*starts[1:], len(payloads)]
    return [
        (payloads[start].page, np.stack([place.quad for place in payloads[start:end]]))
        for start, end in zip(starts, ends, strict=True)
    ]
