"""Where a point of PDF page space falls on the displayed page."""

from __future__ import annotations

import ctypes

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from quire.words.reading import PageSize

_DEVICE_UNITS = 1 << 20
"""PDFium answers in whole device pixels: on a device this large they are fine enough."""


def placement(page: pdfium.PdfPage, size: PageSize | None = None) -> pdfium.PdfMatrix:
    """The matrix from page space to pixels of `size`, y down; without one, to parts of the page's width
    and height. CropBox and /Rotate are in it."""
    width, height = page.get_size()
    origin = _on_device(page, 0.0, 0.0)
    right, up = _on_device(page, width, 0.0), _on_device(page, 0.0, height)
    to_device = pdfium.PdfMatrix(
        (right[0] - origin[0]) / width,
        (right[1] - origin[1]) / width,
        (up[0] - origin[0]) / height,
        (up[1] - origin[1]) / height,
        *origin,
    )
    scale_x, scale_y = (size.width_px, size.height_px) if size else (1, 1)
    return to_device.scale(scale_x / _DEVICE_UNITS, scale_y / _DEVICE_UNITS)


def _on_device(page: pdfium.PdfPage, x: float, y: float) -> tuple[int, int]:
    device_x, device_y = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(page, 0, 0, _DEVICE_UNITS, _DEVICE_UNITS, 0, x, y, device_x, device_y)
    return device_x.value, device_y.value
