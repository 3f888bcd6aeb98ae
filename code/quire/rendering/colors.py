"""An image of any mode Pillow knows → 8-bit grey or RGB, transparency laid over white."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_DEPTHS = (8, 12, 16)


def grey_or_rgb(image: Image.Image, min_is_white: bool = False) -> Image.Image:
    """Mode L or RGB, same size. `min_is_white` inverts a 16-bit image, which Pillow leaves as it lies."""
    if image.mode in _SIXTEEN_BIT_MODES or image.mode == "F":
        grey = _eight_bits(np.asarray(image))
        return Image.fromarray(255 - grey if min_is_white and image.mode != "F" else grey)
    if image.has_transparency_data:
        return _over_white(image)
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(samples: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """The depth in use is taken from the brightest sample: 12-bit scanners write 16-bit files."""
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    least, most = float(values.min()), float(values.max())
    if samples.dtype.kind == "f" and least >= 0.0 and most <= 1.0:
        return np.asarray(values * 255.0, np.uint8)
    depth = next((bits for bits in _DEPTHS if most < 2**bits), None)
    if depth is None or least < 0:
        values, top = values - least, max(most - least, 1e-9)
    else:
        top = 2.0**depth - 1
    return np.asarray(values * (255.0 / top), np.uint8)


def _over_white(image: Image.Image) -> Image.Image:
    layered = image.convert("RGBA")
    paper = Image.new("RGB", layered.size, (255, 255, 255))
    paper.paste(layered, mask=layered.getchannel("A"))
    return paper
