"""Which lines stand on one visual row, such as an item and its price?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quire.layout.columns import Indices
from quire.layout.frames import Boxes

_SAME_ROW_HEIGHTS = 0.5
"""Lines whose middles lie nearer than this share of the smaller height stand on one row."""

_MOST_OVERLAP = 0.3
"""Share of the smaller width by which lines of one row may lie over each other."""

_ROWS_LOOKED_BACK = 4


def rows_of(boxes: Boxes, members: Indices) -> list[list[int]]:
    """The members as rows from top to bottom, each row from left to right."""
    places = [_Place(*box) for box in boxes.tolist()]
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    rows: list[list[int]] = []
    for index in members[np.argsort(middles[members], kind="stable")].tolist():
        near = [(_gap(places, index, row), row) for row in rows[-_ROWS_LOOKED_BACK:]]
        fitting = [(gap, row) for gap, row in near if gap is not None]
        if fitting:
            min(fitting, key=lambda pair: pair[0])[1].append(index)
        else:
            rows.append([index])
    for row in rows:
        row.sort(key=lambda index: places[index].left)
    rows.sort(key=lambda row: sum(places[index].middle for index in row) / len(row))
    return rows


class _Place(NamedTuple):
    """A line's box. Rows have few lines: numbers of Python are compared sooner than arrays are made."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    def gap(self, other: _Place) -> float:
        """Between the two from side to side; below nought where they lie over each other."""
        return max(other.left - self.right, self.left - other.right)


def _gap(places: list[_Place], index: int, row: list[int]) -> float | None:
    """From the line to the row's nearest member, or None where it stands on another row. Only that member
    is compared, so that a row may bend as paper does."""
    line = places[index]
    gaps = [line.gap(places[other]) for other in row]
    nearest = min(range(len(row)), key=lambda number: abs(gaps[number]))
    near = places[row[nearest]]
    if min(gaps) < -_MOST_OVERLAP * min(line.right - line.left, near.right - near.left):
        return None
    distance = abs((line.top + line.bottom) - (near.top + near.bottom)) / 2
    if distance >= _SAME_ROW_HEIGHTS * min(line.bottom - line.top, near.bottom - near.top):
        return None
    return abs(gaps[nearest])
