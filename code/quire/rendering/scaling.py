"""How large a page's image becomes: one scale for both sides, and never more pixels than allowed."""

from __future__ import annotations

import math

from quire.rendering.documents import MAX_PAGE_SIDE_PIXELS

_EASY_SHARE = 0.7
"""Of a side: what may be given up for an easy reduction."""


def limited_scale(width: float, height: float, scale: float, max_pixels: int) -> float:
    """`scale`, or the largest smaller one at which width × height holds `max_pixels`."""
    by_pixels = math.sqrt(max_pixels / (width * height))
    by_side = MAX_PAGE_SIDE_PIXELS / max(width, height)
    return min(scale, by_pixels, by_side)


def scaled_side(length: float, scale: float) -> int:
    """Whole pixels, rounded down so that the product of two sides stays within a limit; at least 1."""
    return max(1, math.floor(length * scale + 1e-6))


def easy_reduction(scale: float) -> int:
    """2, 4 and so on, where that brings an image down to a little less than `scale`, else 1: a JPEG is
    decoded at such a size at once, in a fraction of the time of decoding it whole and scaling it."""
    divisor = 2 ** math.ceil(-math.log2(scale))
    return divisor if scale < 1 and 1 / divisor >= _EASY_SHARE * scale else 1


def reduced_side(length: float, divisor: int) -> int:
    """As a decoder rounds it: a side that differs by one pixel would have the whole page resampled."""
    return math.ceil(length / divisor)
