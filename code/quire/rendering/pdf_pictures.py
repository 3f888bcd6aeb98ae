"""The pictures drawn on a PDF page: how much of it they cover, and how much memory they ask for."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from quire.rendering.pdf_placement import placement

_MAX_NESTING = 8
_GRID_CELLS = 64
_RGB_BITS = 24
_UNIT_SQUARE = ((0, 0), (1, 0), (1, 1), (0, 1))


class Picture(NamedTuple):
    """An image object: its own pixels and bits a pixel, and the box of its corners on the displayed
    page, in parts of the page's width and height (it may reach beyond 0 to 1)."""

    width_px: int
    height_px: int
    bits_per_pixel: int
    left: float
    top: float
    right: float
    bottom: float


def page_pictures(page: pdfium.PdfPage) -> list[Picture]:
    """Every image object of the page, also inside form XObjects; not those of patterns and annotations."""
    objects = (pdfium_c.FPDFPage_GetObject(page, i) for i in range(pdfium_c.FPDFPage_CountObjects(page)))
    return list(_pictures(page, objects, placement(page), depth=0))


def covered_share(pictures: Iterable[Picture]) -> float:
    """The part of the page, 0.0 to 1.0, that lies under at least one picture's box."""
    grid = np.zeros((_GRID_CELLS, _GRID_CELLS), dtype=bool)
    for picture in pictures:
        left, top, right, bottom = (
            round(min(max(side, 0.0), 1.0) * _GRID_CELLS)
            for side in (picture.left, picture.top, picture.right, picture.bottom)
        )
        grid[top:bottom, left:right] = True
    return float(grid.mean())


def rgb_equivalent_pixels(picture: Picture) -> int:
    """How many RGB pixels take the memory that the picture takes when it is decoded."""
    return picture.width_px * picture.height_px * picture.bits_per_pixel // _RGB_BITS


def _pictures(
    page: pdfium.PdfPage, objects: Iterable[Any], to_page: pdfium.PdfMatrix, depth: int
) -> Iterator[Picture]:
    for page_object in objects:
        kind = pdfium_c.FPDFPageObj_GetType(page_object)
        if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            yield _picture(page, page_object, _matrix(page_object).multiply(to_page))
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _MAX_NESTING:
            count = pdfium_c.FPDFFormObj_CountObjects(page_object)
            children = (pdfium_c.FPDFFormObj_GetObject(page_object, i) for i in range(max(0, count)))
            yield from _pictures(page, children, _matrix(page_object).multiply(to_page), depth + 1)


def _matrix(page_object: Any) -> pdfium.PdfMatrix:
    raw = pdfium_c.FS_MATRIX()
    pdfium_c.FPDFPageObj_GetMatrix(page_object, raw)
    return pdfium.PdfMatrix.from_raw(raw)


def _picture(page: pdfium.PdfPage, image: Any, to_page: pdfium.PdfMatrix) -> Picture:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    pdfium_c.FPDFImageObj_GetImagePixelSize(image, width, height)
    corners = [to_page.on_point(x, y) for x, y in _UNIT_SQUARE]
    across, down = [x for x, _ in corners], [y for _, y in corners]
    bits = _bits_per_pixel(page, image)
    return Picture(width.value, height.value, bits, min(across), min(down), max(across), max(down))


def _bits_per_pixel(page: pdfium.PdfPage, image: Any) -> int:
    """24 for JPEG 2000, whose depth PDFium learns only by decoding it."""
    if _is_jpeg_2000(image):
        return _RGB_BITS
    metadata = pdfium_c.FPDF_IMAGEOBJ_METADATA()
    known = pdfium_c.FPDFImageObj_GetImageMetadata(image, page, metadata)
    return metadata.bits_per_pixel if known and metadata.bits_per_pixel else _RGB_BITS


def _is_jpeg_2000(image: Any) -> bool:
    name = ctypes.create_string_buffer(32)
    for index in range(max(0, pdfium_c.FPDFImageObj_GetImageFilterCount(image))):
        pdfium_c.FPDFImageObj_GetImageFilter(image, index, name, len(name))
        if name.value in (b"JPXDecode", b"JPX"):
            return True
    return False
