"""Which canvas is an item laid on? A page by its own size and aspect, a line by its own width."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise

from quire.engine.port import Canvas
from quire.models.ppocr.published_configs import DETECTION_STRIDE_PX, LINE_HEIGHT_PX, RECOGNITION_STRIDE_PX

PAGE_PIXELS = 700_000
"""Of an ordinary page's canvas: enough for receipts and forms; more was seen to gain nothing."""

DENSE_PAGE_PIXELS = 2_000_000
"""Of the canvas for a page whose lines were found to be too small on an ordinary one."""

SMALL_PAGE_PIXELS = (PAGE_PIXELS // 16, PAGE_PIXELS // 4)
"""Of the canvases for pictures so small that the ordinary one would enlarge them beyond reading."""

_MOST_ENLARGED = 4.0
"""A picture is enlarged to at most so many times its pixels, where a small canvas allows it."""

_ASPECTS = tuple(2.0 ** (power / 2) for power in range(-4, 5))
"""Height by width: a quarter to four in steps of the square root of two."""


def _side(length: float) -> int:
    return max(1, round(length / DETECTION_STRIDE_PX)) * DETECTION_STRIDE_PX


def _canvases(pixels: int) -> tuple[Canvas, ...]:
    sides = ((math.sqrt(pixels * aspect), math.sqrt(pixels / aspect)) for aspect in _ASPECTS)
    return tuple(Canvas(_side(height), _side(width)) for height, width in sides)


_CANVASES_BY_PIXELS = {
    pixels: _canvases(pixels) for pixels in (*SMALL_PAGE_PIXELS, PAGE_PIXELS, DENSE_PAGE_PIXELS)
}

ORDINARY_PAGE_CANVASES = _CANVASES_BY_PIXELS[PAGE_PIXELS]

DETECTION_CANVASES = tuple(canvas for canvases in _CANVASES_BY_PIXELS.values() for canvas in canvases)


def page_canvas(height: int, width: int) -> Canvas:
    """The canvas of a page of so many pixels; the page is stretched onto it."""
    small = (pixels for pixels in SMALL_PAGE_PIXELS if pixels >= _MOST_ENLARGED * height * width)
    return _nearest(height, width, next(small, PAGE_PIXELS))


def dense_page_canvas(height: int, width: int) -> Canvas:
    """The canvas of a page of small print."""
    return _nearest(height, width, DENSE_PAGE_PIXELS)


def _nearest(height: int, width: int, pixels: int) -> Canvas:
    aspect = math.log(height / width)
    return min(
        _CANVASES_BY_PIXELS[pixels], key=lambda canvas: abs(math.log(canvas.height / canvas.width) - aspect)
    )


def _line_widths() -> tuple[int, ...]:
    widths = [64]
    while widths[-1] < 3200:
        widths.append(min(3200, round(widths[-1] * 1.25 / RECOGNITION_STRIDE_PX) * RECOGNITION_STRIDE_PX))
    return tuple(widths)


LINE_WIDTHS = _line_widths()
"""64 to 3200 pixels, each a quarter more than the last: a line is stretched by at most a ninth."""

LINE_CANVASES = tuple(Canvas(LINE_HEIGHT_PX, width) for width in LINE_WIDTHS)


_LINE_BOUNDS = tuple(math.sqrt(narrower * wider) for narrower, wider in pairwise(LINE_WIDTHS))
"""As far in ratio from the one as from the other."""


def line_canvas(height: float, width: float) -> Canvas:
    """The canvas of a line of this size in any unit: the nearest width at 48 pixels of height."""
    wanted = max(width, 1e-3) / max(height, 1e-3) * LINE_HEIGHT_PX
    return LINE_CANVASES[bisect_left(_LINE_BOUNDS, wanted)]
