"""Shorthands of the rendering tests: limits, and a page as an array."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quire.rendering.documents import OpenDocument, Pixels, RenderLimits
from quire.rendering.opening import open_document
from quire.rendering.sniffing import sniff_media_type
from quire.words.reading import PageSize

OPENED: list[OpenDocument] = []

LIMITS = RenderLimits(dpi=72, max_page_pixels=1_000_000, max_source_pixels=4_000_000)


def opened(path: Path, limits: RenderLimits = LIMITS, password: str | None = None) -> OpenDocument:
    """Closed when the test ends."""
    OPENED.append(open_document(path, sniff_media_type(path, None), password, limits))
    return OPENED[-1]


def drawn(document: OpenDocument, page_index: int = 0, dpi: int | None = None) -> Pixels:
    """The page in memory that held other pixels before."""
    return drawn_as(document, document.measure(page_index, dpi), page_index)


def drawn_as(document: OpenDocument, size: PageSize, page_index: int = 0) -> Pixels:
    out = np.full((size.height_px, size.width_px, 3), 77, np.uint8)
    document.render(page_index, size, out)
    return out


def drawn_from(path: Path, page_index: int = 0, limits: RenderLimits = LIMITS) -> Pixels:
    return drawn(opened(path, limits), page_index)
