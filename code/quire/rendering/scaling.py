"""How large a page's image becomes: one scale for both sides, and never more pixels than allowed."""

from __future__ import annotations

import math

from quire.rendering.documents import MAX_PAGE_SIDE_PIXELS


def limited_scale(width: float, height: float, scale: float, max_pixels: int) -> float:
    """`scale`, or the largest smaller one at which width × height holds `max_pixels`."""
    by_pixels = math.sqrt(max_pixels / (width * height))
    by_side = MAX_PAGE_SIDE_PIXELS / max(width, height)
    return min(scale, by_pixels, by_side)


def scaled_side(length: float, scale: float) -> int:
    """Whole pixels, rounded down so that the product of two sides stays within a limit; at least 1."""
    return max(1, math.floor(length * scale + 1e-6))
