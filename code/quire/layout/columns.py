"""Do some lines stand in two columns, each to be read before the other? The search for gutters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quire.layout.frames import Boxes, Floats

Indices = npt.NDArray[np.intp]

_LEAST_LINES = 3
"""Fewer lines side by side are a row of a form or of a table."""

_LEAST_WIDTH_HEIGHTS = 6.0
"""Mean width of a column's lines in line heights: prose is wider, prices and labels are not."""

_LEAST_GUTTER_HEIGHTS = 0.4
_LEAST_SHARED_HEIGHT = 0.5
_OVERHANG_HEIGHTS = 0.3
"""A line may reach so far over the gutter and still belong to one side: boxes are drawn generously."""


@dataclass(frozen=True)
class Columns:
    """Lines in the order in which to read the four parts; indices into the boxes searched."""

    above: Indices
    left: Indices
    right: Indices
    below: Indices


@dataclass(frozen=True)
class _Gutter:
    left: Indices
    right: Indices
    worth: float


def find_columns(boxes: Boxes) -> Columns | None:
    """The pair of columns with the most text, or None. Lines that cross a gutter end its columns."""
    if len(boxes) < 2 * _LEAST_LINES:
        return None
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    found = [gutter for x in _candidates(boxes, height) for gutter in _gutters_at(x, boxes, height)]
    if not found:
        return None
    best = max(found, key=lambda gutter: gutter.worth)
    return _around(best, boxes)


def _candidates(boxes: Boxes, height: float) -> Floats:
    """Places just right of lines' ends, no two nearer than half a line's height."""
    step = max(height / 2, 1e-6)
    ends = boxes[:, 2] + _OVERHANG_HEIGHTS * height
    _, first = np.unique(np.round(ends / step), return_index=True)
    return ends[first]


def _gutters_at(x: float, boxes: Boxes, height: float) -> list[_Gutter]:
    """Between two lines that cross x, one above the other, the lines on both sides may be columns."""
    overhang = _OVERHANG_HEIGHTS * height
    is_left, is_right = boxes[:, 2] <= x + overhang, boxes[:, 0] >= x - overhang
    is_left &= boxes[:, 0] < x
    is_right &= ~is_left
    if min(np.count_nonzero(is_left), np.count_nonzero(is_right)) < _LEAST_LINES:
        return []
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    crossing = np.sort(middles[~(is_left | is_right)])
    stretch = np.searchsorted(crossing, middles)
    num_stretches = len(crossing) + 1
    lefts = np.bincount(stretch[is_left], minlength=num_stretches)
    rights = np.bincount(stretch[is_right], minlength=num_stretches)
    gutters = []
    for number in np.flatnonzero((lefts >= _LEAST_LINES) & (rights >= _LEAST_LINES)):
        left = np.flatnonzero(is_left & (stretch == number))
        right = np.flatnonzero(is_right & (stretch == number))
        if _are_columns(boxes[left], boxes[right], height):
            gutters.append(_Gutter(left, right, _worth(boxes[left], boxes[right])))
    return gutters


def _are_columns(left: Boxes, right: Boxes, height: float) -> bool:
    widths = [(side[:, 2] - side[:, 0]).mean() for side in (left, right)]
    if min(widths) < _LEAST_WIDTH_HEIGHTS * height:
        return False
    if right[:, 0].min() - left[:, 2].max() < _LEAST_GUTTER_HEIGHTS * height:
        return False
    shared = min(left[:, 3].max(), right[:, 3].max()) - max(left[:, 1].min(), right[:, 1].min())
    smaller = min(side[:, 3].max() - side[:, 1].min() for side in (left, right))
    return bool(shared >= _LEAST_SHARED_HEIGHT * smaller)


def _worth(left: Boxes, right: Boxes) -> float:
    """The length of text in the poorer of the two columns."""
    return float(min((side[:, 2] - side[:, 0]).sum() for side in (left, right)))


def _around(gutter: _Gutter, boxes: Boxes) -> Columns:
    inside = np.zeros(len(boxes), dtype=bool)
    inside[gutter.left] = inside[gutter.right] = True
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    centre = (middles[inside].min() + middles[inside].max()) / 2
    is_above = ~inside & (middles < centre)
    return Columns(
        above=np.flatnonzero(is_above),
        left=gutter.left,
        right=gutter.right,
        below=np.flatnonzero(~inside & ~is_above),
    )
