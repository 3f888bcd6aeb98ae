"""How do the samples of a decoded image get where a page's pixels are wanted?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_STRIP_PIXELS = 131_072
"""Copied at a time. Pillow hands samples out by way of two copies of its own; of a whole scan each is tens of
megabytes of fresh memory, of a strip both stay in the cache, which takes half the time."""

_HALVED = 1.99
"""From here on bilinear samples would leave pixels out."""

_OPENCV_OUT_OF_MEMORY = -4

Samples = npt.NDArray[np.uint8]
"""[h, w] of a grey image, [h, w, 3] of one in RGB."""


def copy_samples(image: Image.Image, out: Samples) -> None:
    """Grey or RGB, onto [h, w, 3] of any strides; of a grey image also onto [h, w]."""
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        strip = np.asarray(image.crop((0, top, image.width, min(image.height, top + rows))))
        _lay(strip, out[top : top + rows])


def resize_samples(image: Image.Image, out: Samples) -> None:
    """Grey or RGB, onto [h, w, 3] of another size, by OpenCV, which takes a fraction of the time that Pillow
    does to bring a large scan down. A side that shrinks is brought down first. Raises MemoryError."""
    import cv2  # a tenth of a second, and only pages over the limit need it

    target = (out.shape[1], out.shape[0])
    smaller = (min(image.width, target[0]), min(image.height, target[1]))
    reduction = max(image.width / smaller[0], image.height / smaller[1])
    samples: Samples = np.empty((image.height, image.width, 3)[: 2 if image.mode == "L" else 3], np.uint8)
    copy_samples(image, samples)
    try:
        if reduction > 1:
            way = cv2.INTER_AREA if reduction >= _HALVED else cv2.INTER_LINEAR
            samples = np.asarray(cv2.resize(samples, smaller, interpolation=way), np.uint8)
        if smaller != target:
            samples = np.asarray(cv2.resize(samples, target, interpolation=cv2.INTER_CUBIC), np.uint8)
    except cv2.error as error:
        if error.code == _OPENCV_OUT_OF_MEMORY:
            raise MemoryError from error
        raise
    _lay(samples, out)


def _lay(samples: Samples, out: Samples) -> None:
    """Grey is each of the three colours."""
    out[...] = samples[:, :, None] if samples.ndim < out.ndim else samples


def as_stored(upright: Samples, orientation: int) -> Samples:
    """A view of an upright page [h, w, 3] as the file's own rows lie in it, by the EXIF orientation (CIPA
    DC-008, tag 274): what is written there in the file's order stands upright."""
    if orientation in (5, 6, 7, 8):
        upright = upright.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 6, 7) else 1
    columns = -1 if orientation in (2, 3, 7, 8) else 1
    return upright[::rows, ::columns]
