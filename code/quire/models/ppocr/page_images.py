"""How items are cut from a page that lies where the networks run: any rectangle of it, at any angle, is
sampled onto a canvas. Two twins, which agree up to rounding: OpenCV on the host, gathers on CUDA."""

from __future__ import annotations

import math
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from quire.engine.port import Canvas, Pixels
from quire.models.devices import upload
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


def place_page(pixels: Pixels, device: torch.device) -> PageImage:
    """`pixels` is borrowed for as long as the page is in use."""
    return HostPage(pixels) if device.type == "cpu" else DevicePage(pixels, device)


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
    """The page in the device's memory, uploaded once, when its first item is cut."""

    def __init__(self, pixels: Pixels, device: torch.device) -> None:
        self.height, self.width = pixels.shape[:2]
        self._pixels = pixels
        self._device = device
        self._halved: list[Tensor] = []

    def cut(self, quads: Quads, canvas: Canvas) -> Tensor:
        halvings = _halvings(quads, canvas, min(self.height, self.width))
        out = torch.empty(
            (len(quads), canvas.height, canvas.width, 3), dtype=torch.uint8, device=self._device
        )
        for count in np.unique(halvings):
            members = np.flatnonzero(halvings == count)
            places = torch.from_numpy(quads[members] / 2.0**count).to(self._device, torch.float32)
            out[torch.from_numpy(members).to(self._device)] = _gather(self._level(int(count)), places, canvas)
        return out.permute(0, 3, 1, 2)

    def _level(self, halvings: int) -> Tensor:
        if not self._halved:
            self._halved.append(upload(self._pixels, self._device))
        while len(self._halved) <= halvings:
            last = self._halved[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            four = last[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
            self._halved.append(
                four.sum(dim=(1, 3), dtype=torch.int16).add_(2).div_(4, rounding_mode="floor").byte()
            )
        return self._halved[halvings]


def _gather(page: Tensor, quads: Tensor, canvas: Canvas) -> Tensor:
    """Bilinear samples, uint8 [n, h, w, 3], of a page [H, W, 3] at float32 quads [n, 4, 2]."""
    across = (torch.arange(canvas.width, device=page.device) + 0.5) / canvas.width
    down = (torch.arange(canvas.height, device=page.device) + 0.5) / canvas.height
    origin = quads[:, 0] - 0.5
    right, below = quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    x, y = (
        origin[:, None, None, axis]
        + across[None, None, :] * right[:, None, None, axis]
        + down[None, :, None] * below[:, None, None, axis]
        for axis in (0, 1)
    )
    height, width = page.shape[:2]
    x, y = x.clamp_(0, width - 1), y.clamp_(0, height - 1)
    left, top = x.floor().long(), y.floor().long()
    x_weight, y_weight = (x - left)[..., None], (y - top)[..., None]
    right_column, bottom_row = (left + 1).clamp_(max=width - 1), (top + 1).clamp_(max=height - 1)
    upper = torch.lerp(page[top, left].float(), page[top, right_column].float(), x_weight)
    lower = torch.lerp(page[bottom_row, left].float(), page[bottom_row, right_column].float(), x_weight)
    return torch.lerp(upper, lower, y_weight).round_().byte()
