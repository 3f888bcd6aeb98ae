"""What does a model that reads words and boxes see of the page? A small picture, made as in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quire.engine.port import Pixels


class PagePicture:
    """A page that is made small when it is first asked for. One thread at a time."""

    def __init__(self, pixels: Pixels, quarters: int, processor: Any) -> None:
        """`pixels` is borrowed; the page stands upright after so many clockwise quarter turns. `processor`
        is one of transformers' image processors."""
        self._pixels = pixels
        self._quarters = quarters
        self._processor = processor
        self._values: npt.NDArray[np.float32] | None = None

    def values(self) -> npt.NDArray[np.float32]:
        """[channels, height, width], as the processor scales and normalises."""
        if self._values is None:
            upright = np.ascontiguousarray(np.rot90(self._pixels, -self._quarters))
            made = self._processor(images=[upright], return_tensors="np", input_data_format="channels_last")
            self._values = np.asarray(made["pixel_values"][0], np.float32)
        return self._values
