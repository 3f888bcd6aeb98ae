"""Where do lines stand once the page is held so that its text runs level? Polygons → upright boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from quire.words.reading import Polygon

Floats = npt.NDArray[np.float64]

Boxes = Floats
"""[n, 4]: left, top, right, bottom in the reading frame; pixels, but with an origin of its own."""

_QUARTER = np.pi / 2


def reading_boxes(polygons: Sequence[Polygon]) -> Boxes:
    """Boxes around the polygons after the page is turned by the angle at which most of its text runs,
    be it a quarter turn or a degree of skew."""
    if not polygons:
        return np.zeros((0, 4))
    corners = np.array([[(point.x, point.y) for point in polygon] for polygon in polygons], dtype=np.float64)
    angle = text_angle(corners)
    x = corners @ np.array([np.cos(angle), np.sin(angle)])
    y = corners @ np.array([-np.sin(angle), np.cos(angle)])
    return np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1)


def text_angle(corners: Floats) -> float:
    """Radians, clockwise from the x axis, at which the top edges of [n, 4, 2] corners run: the median,
    weighed by length, of those in the quarter that holds most of the length."""
    edges = corners[:, 1] - corners[:, 0]
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    if not lengths.any():
        return 0.0
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    quarters = np.round(angles / _QUARTER).astype(int) % 4
    main = int(np.argmax(np.bincount(quarters, weights=lengths)))
    chosen = quarters == main
    offsets = np.angle(np.exp(1j * (angles[chosen] - main * _QUARTER)))
    return main * _QUARTER + _weighted_median(offsets, lengths[chosen])


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
