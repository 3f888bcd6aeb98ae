"""In which order is a page read? Columns where there are columns, else row by row."""

from __future__ import annotations

import numpy as np

from quire.layout.columns import Indices, find_columns
from quire.layout.frames import Boxes
from quire.layout.rows import rows_of

_MOST_DEPTH = 12

Region = list[list[int]]
"""Rows of one column, or of a stretch of the page without columns."""


def regions_of(boxes: Boxes) -> list[Region]:
    """All lines as regions in reading order; the rows' members are indices into the boxes."""
    return _regions(boxes, np.arange(len(boxes)), _MOST_DEPTH)


def _regions(boxes: Boxes, members: Indices, depth: int) -> list[Region]:
    if not len(members):
        return []
    columns = find_columns(boxes[members]) if depth else None
    if columns is None:
        return [rows_of(boxes, members)]
    parts = (columns.above, columns.left, columns.right, columns.below)
    return [region for part in parts for region in _regions(boxes, members[part], depth - 1)]
