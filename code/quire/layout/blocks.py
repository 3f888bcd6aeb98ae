"""Which rows of a region belong together? Rows → paragraph-like blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from quire.layout.frames import Boxes
from quire.layout.order import Region

_WIDE_PITCH = 1.5
"""A step between rows this many times the region's usual one begins a block."""

_WIDEST_PITCH_HEIGHTS = 2.2
_MOST_HEIGHT_RATIO = 1.7
"""A row so much higher or lower than the one before is a heading, or follows one."""


def blocks_of(boxes: Boxes, region: Region) -> list[list[int]]:
    """The region's lines as blocks, both in reading order."""
    rows = [_Row.of([boxes[index].tolist() for index in row]) for row in region]
    pitches = [below.middle - above.middle for above, below in pairwise(rows)]
    usual = median(pitches) if pitches else 0.0
    blocks = [list(region[0])]
    for (above, below), members in zip(pairwise(rows), region[1:], strict=True):
        if _is_new(above, below, usual):
            blocks.append([])
        blocks[-1].extend(members)
    return blocks


@dataclass(frozen=True)
class _Row:
    """From the left of its first line to the right of its last; the height is the median of its lines'."""

    left: float
    right: float
    height: float
    middle: float

    @classmethod
    def of(cls, boxes: list[list[float]]) -> _Row:
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        heights = [bottom - top for top, bottom in zip(tops, bottoms, strict=True)]
        return cls(min(lefts), max(rights), median(heights), (sum(tops) + sum(bottoms)) / len(boxes) / 2)


def _is_new(above: _Row, below: _Row, usual: float) -> bool:
    pitch = below.middle - above.middle
    smaller, larger = sorted((above.height, below.height))
    if larger > _MOST_HEIGHT_RATIO * smaller or pitch > _WIDEST_PITCH_HEIGHTS * larger:
        return True
    shared = min(above.right, below.right) - max(above.left, below.left)
    return shared <= 0 or (pitch > _WIDE_PITCH * usual and pitch > larger)
