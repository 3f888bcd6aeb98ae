"""PDF files as documents, by PDFium: measured without drawing, drawn straight into the page's memory."""

from __future__ import annotations

import ctypes
import logging
import math
from contextlib import suppress
from functools import partial
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from quire.rendering.blame import blame_page
from quire.rendering.documents import Pixels, RenderLimits, refuse_wrong_target
from quire.rendering.pdf_drawing import draw_rgb
from quire.rendering.pdf_layer import judge_layer, page_text, present_lines
from quire.rendering.pdf_pictures import Picture, page_pictures, rgb_equivalent_pixels
from quire.rendering.scaling import limited_scale, scaled_side
from quire.words.errors import DocumentEncrypted, DocumentUnreadable, PageTooLarge, PageUnreadable
from quire.words.reading import PageSize, PageText

# It warns of every XFA form, which is drawn all the same.
logging.getLogger("pypdfium2").setLevel(logging.ERROR)

_POINTS_PER_INCH = 72.0
_SMALL_PAGE_PX = 1000
_MOST_ENLARGED = 4.0
"""A page whose longer side would have fewer pixels is drawn larger, unless its dpi was asked for."""

_PAGES_BEFORE_REOPENING = 64
"""PDFium keeps every page's compressed pictures until the file is closed: of so many pages at most."""


class PdfDocument:
    """An OpenDocument over PDFium. The page worked on last stays loaded: measuring, reading its text
    layer and drawing it in turn parse it and decode its pictures once."""

    def __init__(self, path: Path, password: str | None, limits: RenderLimits) -> None:
        self._limits = limits
        self._open = partial(_open, path, password)
        self._file = self._open()
        self._num_loaded = 0
        self.num_pages = len(self._file)
        self._page: pdfium.PdfPage | None = None
        self._page_index = -1
        self._pictures: list[Picture] = []

    def measure(self, page_index: int, dpi: int | None) -> PageSize:
        size = pdfium_c.FS_SIZEF()
        known = pdfium_c.FPDF_GetPageSizeByIndexF(self._file, page_index, ctypes.byref(size))
        if not known or not (_is_length(size.width) and _is_length(size.height)):
            raise PageUnreadable(f"page {page_index + 1} has no size")
        wanted = (dpi or self._legible_dpi(size.width, size.height)) / _POINTS_PER_INCH
        scale = limited_scale(size.width, size.height, wanted, self._limits.max_page_pixels)
        return PageSize(
            width_px=scaled_side(size.width, scale),
            height_px=scaled_side(size.height, scale),
            dpi=scale * _POINTS_PER_INCH,
        )

    def _legible_dpi(self, width: float, height: float) -> float:
        """The limits' dpi; more for a page as small as a stamp, whose print is as small."""
        longest_px = max(width, height) * self._limits.dpi / _POINTS_PER_INCH
        return self._limits.dpi * min(max(1.0, _SMALL_PAGE_PX / longest_px), _MOST_ENLARGED)

    def render(self, page_index: int, size: PageSize, out: Pixels) -> None:
        refuse_wrong_target(out, size)
        with blame_page(page_index, pdfium.PdfiumError):
            page = self._load(page_index)
            self._refuse_bombs(page_index)
            draw_rgb(page, out)

    def text_layer(self, page_index: int, size: PageSize, *, trusted_only: bool = True) -> PageText | None:
        with blame_page(page_index, pdfium.PdfiumError):
            page = self._load(page_index)
            if trusted_only:
                self._refuse_bombs(page_index)
                lines = judge_layer(page, size, self._pictures).lines
            else:
                lines = present_lines(page, size)
        return page_text(lines) if lines else None

    def close(self) -> None:
        self._unload()
        self._file.close()

    def _load(self, page_index: int) -> pdfium.PdfPage:
        if self._page is None or self._page_index != page_index:
            self._unload()
            self._limit_memory()
            page = self._file.get_page(page_index)
            self._pictures = page_pictures(page)
            self._page, self._page_index = page, page_index
        return self._page

    def _limit_memory(self) -> None:
        if self._num_loaded == _PAGES_BEFORE_REOPENING:
            anew = self._open()
            self._file.close()
            self._file, self._num_loaded = anew, 0
        self._num_loaded += 1

    def _unload(self) -> None:
        if self._page is not None:
            self._page.close()
        self._page = None

    def _refuse_bombs(self, page_index: int) -> None:
        """A page is drawn at a bounded size, but PDFium decodes its pictures whole."""
        most = max((rgb_equivalent_pixels(picture) for picture in self._pictures), default=0)
        if most > self._limits.max_source_pixels:
            raise PageTooLarge(
                f"page {page_index + 1} has a picture as large as {most} RGB pixels; "
                f"at most {self._limits.max_source_pixels} are decoded"
            )


def _is_length(points: float) -> bool:
    return math.isfinite(points) and points > 0


def _open(path: Path, password: str | None) -> pdfium.PdfDocument:
    try:
        file = pdfium.PdfDocument(path, password=password)
        with suppress(pdfium.PdfiumError):
            file.init_forms()  # without it the fields are left out, and the rest of the page is drawn
        return file
    except pdfium.PdfiumError as error:
        code = error.err_code
        if code == pdfium_c.FPDF_ERR_PASSWORD:
            problem = "needs a password" if password is None else "does not open with the password given"
            raise DocumentEncrypted(f"the PDF is encrypted and {problem}") from error
        if code == pdfium_c.FPDF_ERR_SECURITY:
            raise DocumentEncrypted("the PDF is encrypted in a way that no password opens") from error
        raise DocumentUnreadable("the PDF is broken beyond repair, or has no pages") from error
