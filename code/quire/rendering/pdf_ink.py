"""How much of what is seen on a page its text layer accounts for, measured on a small rendering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quire.words.reading import Polygon

_STROKE_PX = 11
_LEAST_CONTRAST = 40
_GROUND_PX, _DARK_GROUND = 41, 160
_MARGIN_PX = 3
_LETTER_HEIGHT_PX = (4, 36)
_LETTER_WIDTH_PX = (2, 120)
_LEAST_LETTER_INK_PX = 6

Grey = npt.NDArray[np.uint8]
"""Height × width, 0 is black."""


class Ink(NamedTuple):
    """Pixels of thin strokes: under the layer's lines, and outside them in marks of a letter's or a
    word's size. `unseen_lines` are the indices of lines under which nothing is drawn."""

    under_lines: int
    foreign: int
    unseen_lines: tuple[int, ...]


def measure_ink(page: Grey, lines: Sequence[Polygon]) -> Ink:
    """`page` at about 100 dpi, where the sizes above are those of print; `lines` in its pixels."""
    covered = _covered(page.shape[1], page.shape[0], lines)
    polarities = _strokes(page)
    unseen = (index for index, line in enumerate(lines) if not any(_has_ink(s, line) for s in polarities))
    return Ink(
        under_lines=sum(int(np.count_nonzero(strokes & covered)) for strokes in polarities),
        foreign=sum(_letter_ink(strokes & ~covered) for strokes in polarities),
        unseen_lines=tuple(unseen),
    )


def _strokes(page: Grey) -> tuple[Grey, Grey]:
    """255 where something thin is darker, and where it is lighter than its surroundings: print of
    either polarity, rules and outlines, but no filled area. Light counts only where the ground is dark:
    the gaps between black letters are light too."""
    import cv2  # a tenth of a second, and only pages that have a text layer need it

    kernel = np.ones((_STROKE_PX, _STROKE_PX), np.uint8)
    dark = cv2.morphologyEx(page, cv2.MORPH_BLACKHAT, kernel) > _LEAST_CONTRAST
    light = cv2.morphologyEx(page, cv2.MORPH_TOPHAT, kernel) > _LEAST_CONTRAST
    light &= cv2.blur(page, (_GROUND_PX, _GROUND_PX)) < _DARK_GROUND
    return dark.astype(np.uint8) * 255, light.astype(np.uint8) * 255


def _covered(width: int, height: int, lines: Sequence[Polygon]) -> Grey:
    """255 under the lines and a margin about them."""
    import cv2

    covered = np.zeros((height, width), np.uint8)
    for line in lines:
        corners = np.array([(round(point.x), round(point.y)) for point in line], np.int32)
        cv2.fillPoly(covered, [corners], (255,))
    side = 2 * _MARGIN_PX + 1
    return np.asarray(cv2.dilate(covered, np.ones((side, side), np.uint8)), np.uint8)


def _has_ink(strokes: Grey, line: Polygon) -> bool:
    across, down = [point.x for point in line], [point.y for point in line]
    left, top = max(0, round(min(across))), max(0, round(min(down)))
    return bool(strokes[top : round(max(down)) + 1, left : round(max(across)) + 1].any())


def _letter_ink(strokes: Grey) -> int:
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    width, height = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    ink = stats[1:, cv2.CC_STAT_AREA]
    is_letter = (_LETTER_HEIGHT_PX[0] <= height) & (height <= _LETTER_HEIGHT_PX[1])
    is_letter &= (_LETTER_WIDTH_PX[0] <= width) & (width <= _LETTER_WIDTH_PX[1])
    return int(ink[is_letter & (ink >= _LEAST_LETTER_INK_PX)].sum())
