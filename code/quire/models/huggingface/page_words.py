"""Which words do the reader's lines hold, and where does each stand?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quire.words.reading import Line, Point, Polygon

_WORD = re.compile(r"\S+")

BOX_SIDE = 1000
"""Boxes are given in thousandths of the page's sides."""


@dataclass(frozen=True)
class Word:
    """A word of line `line` of the page; its polygon lies in the displayed page, corners in the text's own
    order."""

    text: str
    line: int
    polygon: Polygon


@dataclass(frozen=True)
class Upright:
    """The displayed page of `width` × `height` pixels after it is turned clockwise by `quarters`."""

    width: int
    height: int
    quarters: int

    def boxes(self, polygons: Sequence[Polygon]) -> npt.NDArray[np.int64]:
        """[n, 4]: left, top, right and bottom of each polygon on the upright page, from 0 to 1000, rounded
        down as transformers' processors do."""
        if not polygons:
            return np.zeros((0, 4), np.int64)
        corners = np.array([[(point.x, point.y) for point in polygon] for polygon in polygons])
        shares = corners / (self.width, self.height)
        for _ in range(self.quarters):
            shares = np.stack([1.0 - shares[..., 1], shares[..., 0]], axis=-1)
        edges = np.concatenate([shares.min(1), shares.max(1)], axis=1)
        boxes: npt.NDArray[np.int64] = np.clip(np.floor(edges * BOX_SIDE), 0, BOX_SIDE).astype(np.int64)
        return boxes


def words_of(lines: Sequence[Line]) -> list[Word]:
    """The lines' words in order, parted by white space. A word's polygon is the part of its line's that
    its characters are of the line's: the reader does not tell where in the line a character stands."""
    return [
        Word(found.group(), number, _part(line.polygon, found.span(), len(line.text)))
        for number, line in enumerate(lines)
        for found in _WORD.finditer(line.text)
    ]


def polygon_around(words: Sequence[Word], quarters: int) -> Polygon:
    """Of words of one line their part of it; of several lines the rectangle around them, from the text's
    own top left on a page that needs so many clockwise quarter turns."""
    if words[0].line == words[-1].line:
        first, last = words[0].polygon, words[-1].polygon
        return (first[0], last[1], last[2], first[3])
    xs = [point.x for word in words for point in word.polygon]
    ys = [point.y for word in words for point in word.polygon]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    corners = [Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom)]
    first_corner = -quarters % 4
    one, two, three, four = corners[first_corner:] + corners[:first_corner]
    return (one, two, three, four)


def _part(polygon: Polygon, span: tuple[int, int], num_characters: int) -> Polygon:
    begin, end = span[0] / num_characters, span[1] / num_characters
    top_left, top_right, bottom_right, bottom_left = polygon
    return (
        _between(top_left, top_right, begin),
        _between(top_left, top_right, end),
        _between(bottom_left, bottom_right, end),
        _between(bottom_left, bottom_right, begin),
    )


def _between(start: Point, stop: Point, share: float) -> Point:
    return Point(start.x + (stop.x - start.x) * share, start.y + (stop.y - start.y) * share)
