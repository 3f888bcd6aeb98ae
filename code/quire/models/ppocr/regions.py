"""Where is text? A detection probability map → rectangles around lines of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from quire.models.ppocr.quads import Floats, PageView, Quads

Probabilities = npt.NDArray[np.uint8]
"""[h, w] of a canvas, 0 to 255: how likely a pixel lies in the core of a line of text. In bytes, since the
maps are most of what comes back from the device; 0.3 lies between two of them, so no pixel changes sides."""

CERTAIN = 255

_UNLIKELY = math.floor(0.3 * CERTAIN)
_LEAST_MEAN_PROBABILITY = 0.5 * CERTAIN
_LEAST_CORE_PX = 3.0
_MOST_REGIONS = 1000

_GROWTH = 1.4
"""The network marks a shrunken core of each line. Each side of a core's rectangle moves outward by
area × growth / perimeter, the inverse of the shrinking of Differentiable Binarization (Liao et al. 2020)."""


@dataclass(frozen=True)
class Regions:
    """Rectangles in page pixels whose top edge runs within 45 degrees of rightward as the page was
    seen, and the median thickness of their cores in canvas pixels: 0.0 where there are none."""

    quads: Quads
    core_px: float


@dataclass(frozen=True)
class _Rectangles:
    """`centers` and `sizes` (along, across) are [n, 2] in the view's pixels, `angles` [n] in radians."""

    centers: Floats
    sizes: Floats
    angles: Floats

    def where(self, chosen: npt.NDArray[np.bool_]) -> _Rectangles:
        return _Rectangles(self.centers[chosen], self.sizes[chosen], self.angles[chosen])

    def grown(self) -> _Rectangles:
        along, across = self.sizes.T
        margin = _GROWTH * along * across / (along + across)
        return _Rectangles(self.centers, self.sizes + margin[:, None], self.angles)

    def quads(self) -> Quads:
        right = np.stack([np.cos(self.angles), np.sin(self.angles)], axis=1) * self.sizes[:, :1] / 2
        down = np.stack([-np.sin(self.angles), np.cos(self.angles)], axis=1) * self.sizes[:, 1:] / 2
        corners = [-right - down, right - down, right + down, down - right]
        return np.stack([self.centers + corner for corner in corners], axis=1)


def find_regions(probabilities: Probabilities, view: PageView) -> Regions:
    """Regions of a page that was seen as `view` and stretched onto the canvas of this map."""
    scale = np.array([view.width / probabilities.shape[1], view.height / probabilities.shape[0]])
    mask = (probabilities > _UNLIKELY).view(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cores = _rectangles(contours[:_MOST_REGIONS], scale)
    cores = cores.where((cores.sizes / scale).min(axis=1) >= _LEAST_CORE_PX)
    means = [_mean_within(quad, probabilities) for quad in cores.quads() / scale]
    cores = cores.where(np.array(means) >= _LEAST_MEAN_PROBABILITY)
    if not len(cores.angles):
        return Regions(np.zeros((0, 4, 2)), 0.0)
    quads = view.onto_page(cores.grown().quads())
    return Regions(quads, float(np.median((cores.sizes / scale).min(axis=1))))


def _rectangles(contours: Sequence[cv2.typing.MatLike], scale: Floats) -> _Rectangles:
    """The smallest rectangle around each contour, on the page; there a rectangle has right angles even
    where the canvas is stretched. A contour runs through pixels' middles: half a pixel is added."""
    rectangles = [cv2.minAreaRect(((contour + 0.5) * scale).astype(np.float32)) for contour in contours]
    flat = np.array([(*center, *size, angle) for center, size, angle in rectangles]).reshape(-1, 5)
    centers, sizes, degrees = flat[:, :2], flat[:, 2:4], flat[:, 4]
    quarters = np.round(degrees / 90).astype(int)
    sizes = np.where((quarters % 2 == 1)[:, None], sizes[:, ::-1], sizes)
    return _Rectangles(centers, sizes + scale, np.radians(degrees - 90 * quarters))


def _mean_within(quad: Floats, probabilities: Probabilities) -> float:
    """Mean of the map within a quad that is given in canvas pixels."""
    limits = np.array(probabilities.shape[::-1]) - 1
    left, top = np.clip(np.floor(quad.min(axis=0)).astype(int), 0, limits).tolist()
    right, bottom = np.clip(np.ceil(quad.max(axis=0)).astype(int), 0, limits).tolist()
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(quad - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(probabilities[top : bottom + 1, left : right + 1], mask)[0])
