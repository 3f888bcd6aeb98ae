"""Which lines stand on one visual row, such as an item and its price?"""

from __future__ import annotations

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
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    rows: list[list[int]] = []
    for index in members[np.argsort(middles[members], kind="stable")]:
        near = [(_gap(boxes, index, row), row) for row in rows[-_ROWS_LOOKED_BACK:]]
        fitting = [(gap, row) for gap, row in near if gap is not None]
        if fitting:
            min(fitting, key=lambda pair: pair[0])[1].append(int(index))
        else:
            rows.append([int(index)])
    for row in rows:
        row.sort(key=lambda index: boxes[index, 0])
    rows.sort(key=lambda row: float(np.mean(middles[row])))
    return rows


def _gap(boxes: Boxes, index: int, row: list[int]) -> float | None:
    """From the line to the row's nearest member, or None where it stands on another row. Only that member
    is compared, so that a row may bend as paper does."""
    left, top, right, bottom = boxes[index]
    others = boxes[row]
    gaps = np.maximum(others[:, 0] - right, left - others[:, 2])
    nearest = int(np.argmin(np.abs(gaps)))
    near = others[nearest]
    if gaps.min() < -_MOST_OVERLAP * min(right - left, near[2] - near[0]):
        return None
    distance = abs((top + bottom) - (near[1] + near[3])) / 2
    if distance >= _SAME_ROW_HEIGHTS * min(bottom - top, near[3] - near[1]):
        return None
    return abs(float(gaps[nearest]))
