"""Which rows of a region belong together? Rows → paragraph-like blocks."""

from __future__ import annotations

import numpy as np

from quire.layout.frames import Boxes
from quire.layout.order import Region

_WIDE_PITCH = 1.5
"""A step between rows this many times the region's usual one begins a block."""

_WIDEST_PITCH_HEIGHTS = 2.2
_MOST_HEIGHT_RATIO = 1.7
"""A row so much higher or lower than the one before is a heading, or follows one."""


def blocks_of(boxes: Boxes, region: Region) -> list[list[int]]:
    """The region's lines as blocks, both in reading order."""
    frames = np.array([_frame(boxes[row]) for row in region])
    heights = np.array([np.median(boxes[row, 3] - boxes[row, 1]) for row in region])
    middles = np.array([np.mean(boxes[row, 1] + boxes[row, 3]) / 2 for row in region])
    usual = float(np.median(np.diff(middles))) if len(region) > 1 else 0.0
    blocks = [list(region[0])]
    for number in range(1, len(region)):
        pair = slice(number - 1, number + 1)
        if _is_new(frames[pair], heights[pair], float(np.diff(middles[pair])[0]), usual):
            blocks.append([])
        blocks[-1].extend(region[number])
    return blocks


def _frame(boxes: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _is_new(frames: Boxes, heights: Boxes, pitch: float, usual: float) -> bool:
    smaller, larger = float(heights.min()), float(heights.max())
    if larger > _MOST_HEIGHT_RATIO * smaller or pitch > _WIDEST_PITCH_HEIGHTS * larger:
        return True
    shared = min(frames[0, 2], frames[1, 2]) - max(frames[0, 0], frames[1, 0])
    return bool(shared <= 0 or (pitch > _WIDE_PITCH * usual and pitch > larger))
