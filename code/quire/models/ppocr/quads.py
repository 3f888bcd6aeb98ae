"""Rectangles of text on a page, at any angle: corners, sizes and quarter turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quire.words.reading import Point, Polygon

Floats = npt.NDArray[np.float64]

Quads = Floats
"""[n, 4, 2]: x and y of the text's own top left, top right, bottom right, bottom left, in page pixels."""


@dataclass(frozen=True)
class PageView:
    """A page of `page_height` × `page_width` pixels, seen after `quarters` clockwise quarter turns."""

    page_height: int
    page_width: int
    quarters: int = 0

    @property
    def height(self) -> int:
        return self.page_width if self.quarters % 2 else self.page_height

    @property
    def width(self) -> int:
        return self.page_height if self.quarters % 2 else self.page_width

    def frame(self) -> Quads:
        """The one quad that is the whole page, from the view's own top left."""
        width, height = float(self.page_width), float(self.page_height)
        corners = np.array([[[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]])
        return turned(corners, self.quarters)

    def onto_page(self, seen: Quads) -> Quads:
        """Quads given in the view's pixels, in those of the page; corners keep their order."""
        origin, right, _, down = self.frame()[0]
        across, along = (right - origin) / self.width, (down - origin) / self.height
        placed: Quads = origin + seen[..., :1] * across + seen[..., 1:] * along
        return placed


def turned(quads: Quads, quarters: int) -> Quads:
    """The same places for text that reads level once the page is turned clockwise by so many quarters."""
    return np.roll(quads, quarters, axis=1)


def widths(quads: Quads) -> Floats:
    """Length of the text's line, pixels."""
    return _lengths(quads[:, 1] - quads[:, 0])


def heights(quads: Quads) -> Floats:
    """Across the text's line, pixels."""
    return _lengths(quads[:, 3] - quads[:, 0])


def _lengths(steps: Floats) -> Floats:
    lengths: Floats = np.hypot(steps[:, 0], steps[:, 1])
    return lengths


def polygons_within(quads: Quads, height: int, width: int) -> list[Polygon]:
    """The quads' corners, each moved into the page."""
    inside = np.clip(quads, 0.0, (width, height)).round(2).tolist()
    return [(Point(*a), Point(*b), Point(*c), Point(*d)) for a, b, c, d in inside]
