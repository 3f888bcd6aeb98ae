"""How items are cut from a page that lies where the networks run: any rectangle of it, at any angle, is
sampled onto a canvas. Two twins, which agree up to rounding: OpenCV on the host, torch on CUDA."""

from __future__ import annotations

import math
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from quire.engine.port import Canvas, Pixels
from quire.models.device_side.side import DeviceSide
from quire.models.ppocr.quads import Quads, heights, widths

_MOST_REDUCED = 1.4
"""Bilinear sampling skips pixels where it shrinks by more than two, and is at its best below this. For
more, it samples the page halved once or several times, each pixel the mean of four."""


class PageImage(Protocol):
    """A page where the networks run."""

    height: int
    width: int

    def cut(self, quads: Quads, canvas: Canvas) -> Tensor:
        """Each quad stretched onto the canvas: uint8 RGB [n, 3, h, w] on the device. What lies outside
        the page repeats its edge."""


def place_page(pixels: Pixels, side: DeviceSide) -> PageImage:
    """`pixels` is borrowed for as long as the page is in use."""
    return HostPage(pixels) if side.device.type == "cpu" else DevicePage(pixels, side)


def _halvings(quads: Quads, canvas: Canvas, shorter_side: int) -> npt.NDArray[np.int_]:
    """How often the page is halved before each quad is sampled from it."""
    reduced = np.minimum(widths(quads) / canvas.width, heights(quads) / canvas.height) / _MOST_REDUCED
    wanted = np.ceil(np.log2(np.maximum(reduced, 1e-9)))
    return np.clip(wanted, 0, int(math.log2(shorter_side))).astype(int)


class HostPage:
    """The page in host memory; the forward pass runs on the CPU."""

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        self._halved = [pixels]

    def cut(self, quads: Quads, canvas: Canvas) -> Tensor:
        out = np.empty((len(quads), canvas.height, canvas.width, 3), np.uint8)
        for index, halvings in enumerate(_halvings(quads, canvas, min(self.height, self.width))):
            self._sample(quads[index] / 2.0**halvings, self._level(int(halvings)), canvas, out[index])
        return torch.from_numpy(out).permute(0, 3, 1, 2)

    def _sample(self, quad: Quads, level: Pixels, canvas: Canvas, out: Pixels) -> None:
        # Corners are edges of pixels, while OpenCV's coordinates are their middles.
        place = quad[[0, 1, 3]] - 0.5
        corners = np.array([[0, 0], [canvas.width, 0], [0, canvas.height]]) - 0.5
        onto = cv2.getAffineTransform(place.astype(np.float32), corners.astype(np.float32))
        cv2.warpAffine(
            level, onto, (canvas.width, canvas.height), out, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
        )

    def _level(self, halvings: int) -> Pixels:
        while len(self._halved) <= halvings:
            last = self._halved[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            even = last[: 2 * height, : 2 * width]
            halved = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
            self._halved.append(halved.astype(np.uint8, copy=False))
        return self._halved[halvings]


class DevicePage:
    """The page in the device's memory, uploaded once, when its first item is cut. One thread at a time."""

    def __init__(self, pixels: Pixels, side: DeviceSide) -> None:
        self.height, self.width = pixels.shape[:2]
        self._pixels = pixels
        self._side = side
        self._halved: list[Tensor] = []

    def cut(self, quads: Quads, canvas: Canvas) -> Tensor:
        halvings = _halvings(quads, canvas, min(self.height, self.width))
        groups = [np.flatnonzero(halvings == count) for count in np.unique(halvings)]
        parts = [self._sample(quads[members], int(halvings[members[0]]), canvas) for members in groups]
        if len(parts) == 1:
            return parts[0]
        return torch.cat(parts)[self._side.upload(np.argsort(np.concatenate(groups)))]

    def _sample(self, quads: Quads, halvings: int, canvas: Canvas) -> Tensor:
        level = self._level(halvings)
        height, width = level.shape[:2]
        onto = self._side.upload(_places(quads / 2.0**halvings, height, width))
        grid = F.affine_grid(onto, [len(quads), 3, canvas.height, canvas.width], align_corners=False)
        page = level.permute(2, 0, 1)[None].float().expand(len(quads), -1, -1, -1)
        samples = F.grid_sample(page, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return samples.round_().byte()

    def _level(self, halvings: int) -> Tensor:
        if not self._halved:
            self._halved.append(self._side.upload(self._pixels))
        while len(self._halved) <= halvings:
            last = self._halved[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            four = last[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
            self._halved.append(
                four.sum(dim=(1, 3), dtype=torch.int16).add_(2).div_(4, rounding_mode="floor").byte()
            )
        return self._halved[halvings]


def _places(quads: Quads, height: int, width: int) -> npt.NDArray[np.float32]:
    """[n, 2, 3] for torch's affine_grid: from a canvas whose sides run from -1 to 1 onto a page whose
    sides do, each column the place on the page of a step right, of a step down, and of the middle."""
    right, below = (quads[:, 1] - quads[:, 0]) / 2, (quads[:, 3] - quads[:, 0]) / 2
    columns = np.stack([right, below, quads[:, 0] + right + below], axis=2)
    columns *= 2 / np.array([[width], [height]])
    columns[:, :, 2] -= 1
    return columns.astype(np.float32)
