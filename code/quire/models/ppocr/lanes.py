"""The reader's two lanes: pages to regions of text, and lines to what they say.

`pre`, `device` and `post` may run in three threads, each one batch ahead of the next. On CUDA the first two
only give the device work; the results are waited for once, after `device`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.device_side.side import Fetch
from quire.models.ppocr.decoding import Decoder, Reading
from quire.models.ppocr.networks import Networks
from quire.models.ppocr.page_images import PageImage
from quire.models.ppocr.quads import Floats, PageView
from quire.models.ppocr.regions import CERTAIN, Regions, find_regions

DETECTION = "detection"
RECOGNITION = "recognition"


@dataclass(frozen=True)
class BatchPixels:
    """How many pixels of canvas a batch may hold."""

    detection: int
    recognition: int

    def scaled(self, share: float) -> BatchPixels:
        """So many times as much; a batch of one item is allowed whatever the share."""
        return BatchPixels(int(self.detection * share), int(self.recognition * share))

    def most_pages(self, canvas: Canvas) -> int:
        return max(1, self.detection // canvas.pixels)

    def most_lines(self, canvas: Canvas) -> int:
        return max(1, self.recognition // canvas.pixels)


CPU_BATCH = BatchPixels(detection=1_000_000, recognition=8 * 48 * 320)
"""Larger batches were seen to be slower on the CPU (`quire bench` prints the sweep), and hold others up
for longer."""

CUDA_BATCH = BatchPixels(detection=24_000_000, recognition=512 * 48 * 320)


def batch_pixels(device: torch.device, share: float) -> BatchPixels:
    """A share, QUIRE_BATCH_SHARE, of the device's built-in ceilings."""
    return (CPU_BATCH if device.type == "cpu" else CUDA_BATCH).scaled(share)


@dataclass(frozen=True)
class PageSearch:
    """A page to be searched for text as it is seen in `view`."""

    page: PageImage
    view: PageView


class DetectionLane:
    """Payload: PageSearch. Output: Regions."""

    def __init__(self, networks: Networks, batch: BatchPixels) -> None:
        self._networks = networks
        self._side = networks.side
        self._batch = batch

    def max_items(self, canvas: Canvas) -> int:
        return self._batch.most_pages(canvas)

    def pre(self, canvas: Canvas, payloads: Sequence[PageSearch]) -> Tensor:
        with self._side.guard():
            return torch.cat([search.page.cut(search.view.frame(), canvas) for search in payloads])

    def device(self, prepared: Tensor) -> Fetch:
        with self._side.guard():
            probabilities = self._networks.detect(prepared)
            return self._side.fetch([(probabilities * CERTAIN).round_().byte()])

    def post(self, output: Fetch, payloads: Sequence[PageSearch]) -> list[Regions]:
        (probabilities,) = output.arrays()
        return [find_regions(each, search.view) for each, search in zip(probabilities, payloads, strict=True)]


@dataclass(frozen=True)
class LinePlace:
    """A line of a page; `quad` is [4, 2] in its pixels, corners in the text's own order."""

    page: PageImage
    quad: Floats


class RecognitionLane:
    """Payload: LinePlace. Output: Reading."""

    def __init__(self, networks: Networks, batch: BatchPixels) -> None:
        self._networks = networks
        self._side = networks.side
        self._batch = batch
        self._decoder = Decoder(networks.characters)

    def max_items(self, canvas: Canvas) -> int:
        return self._batch.most_lines(canvas)

    def pre(self, canvas: Canvas, payloads: Sequence[LinePlace]) -> Tensor:
        with self._side.guard():
            return torch.cat([page.cut(quads, canvas) for page, quads in _runs(payloads)])

    def device(self, prepared: Tensor) -> Fetch:
        with self._side.guard():
            said = self._networks.recognize(prepared)
            return self._side.fetch([said.classes, said.confidences, said.space_odds])

    def post(self, output: Fetch, payloads: Sequence[LinePlace]) -> list[Reading]:
        classes, confidences, space_odds = output.arrays()
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
