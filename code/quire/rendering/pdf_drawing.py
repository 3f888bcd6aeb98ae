"""Draws a PDF page with PDFium straight into memory that is already there."""

from __future__ import annotations

import ctypes

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from quire.rendering.documents import Pixels
from quire.rendering.pdf_ink import Grey

_WHITE = 0xFFFFFFFF


def draw_rgb(page: pdfium.PdfPage, out: Pixels) -> None:
    """White paper, the page with annotations and form fields, filling `out`."""
    _draw(page, out, pdfium_c.FPDFBitmap_BGR, pdfium_c.FPDF_REVERSE_BYTE_ORDER)


def draw_grey(page: pdfium.PdfPage, width: int, height: int) -> Grey:
    out = np.empty((height, width, 1), np.uint8)
    _draw(page, out, pdfium_c.FPDFBitmap_Gray, pdfium_c.FPDF_GRAYSCALE)
    return out[:, :, 0]


def _draw(page: pdfium.PdfPage, out: Pixels, pixel_format: int, flags: int) -> None:
    height, width = out.shape[:2]
    bitmap = pdfium_c.FPDFBitmap_CreateEx(
        width, height, pixel_format, out.ctypes.data_as(ctypes.c_void_p), out.strides[0]
    )
    if not bitmap:
        raise MemoryError(f"PDFium has no bitmap of {width} × {height}")
    try:
        pdfium_c.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        place = (0, 0, width, height, 0, pdfium_c.FPDF_ANNOT | flags)
        pdfium_c.FPDF_RenderPageBitmap(bitmap, page, *place)
        if page.formenv is not None:
            pdfium_c.FPDF_FFLDraw(page.formenv, bitmap, page, *place)
    finally:
        pdfium_c.FPDFBitmap_Destroy(bitmap)
