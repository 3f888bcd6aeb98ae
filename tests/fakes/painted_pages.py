"""Small PNG pages, whose first pixel tells the stub model what to do."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def painted_page(marker: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[0, 0] = marker
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
