"""How does a page become a network's inputs, and on which canvas? By the folder's own processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from quire.engine.port import Canvas, Pixels
from quire.models.decoding.network import PROMPT, PageInputs

_ORDINARY_EDGE_PX = 1024
"""Of a canvas whose image processor names no size. A canvas too large or too small costs only time: pages
that are read together are of one shape in any case."""


class ImageAndTokens:
    """For an encoder and a decoder: the picture, and the prompt's tokens, which `tokens_of` tells."""

    def __init__(self, image_processor: Any, tokens_of: Callable[[str | None], Sequence[int]]) -> None:
        self._image_processor = image_processor
        self._tokens_of = tokens_of

    def __call__(self, pixels: Pixels, prompt: str | None = None) -> PageInputs:
        tokens = np.array([list(self._tokens_of(prompt))], dtype=np.int64)
        return {**_arrays(self._image_processor(pixels, return_tensors="np")), PROMPT: tokens}


class ImageInPrompt:
    """For a language model: the processor writes the image's tokens into the prompt, of which `text_of` makes
    a text; None is the processor's own question, where it has one."""

    def __init__(self, processor: Any, text_of: Callable[[str | None], str | None]) -> None:
        self._processor = processor
        self._text_of = text_of

    def __call__(self, pixels: Pixels, prompt: str | None = None) -> PageInputs:
        text = self._text_of(prompt)
        asked = {} if text is None else {"text": [text]}
        return _arrays(self._processor(images=[pixels], return_tensors="np", **asked))


def _arrays(inputs: Mapping[str, Any]) -> PageInputs:
    """A processor's answer, each with the page as its first axis."""
    return {name: np.asarray(values) for name, values in inputs.items()}


def page_canvas_of(image_processor: Any) -> Callable[[int, int], Canvas]:
    """The canvas of a page by its height and width: the processor's size, times the tiles that it cuts."""
    edge = _canvas_of_size(getattr(image_processor, "size", None))
    count = getattr(image_processor, "get_number_of_image_patches", None)
    if count is None:
        return lambda height, width: edge
    tile = (
        _canvas_of_size(getattr(image_processor, "max_image_size", None))
        if _cuts_tiles(image_processor)
        else edge
    )

    def canvas(height: int, width: int) -> Canvas:
        counted = count(height, width, {})
        num_tiles = counted[0] if isinstance(counted, tuple | list) else counted
        return Canvas(tile.height * max(1, int(num_tiles)), tile.width)

    return canvas


def _cuts_tiles(image_processor: Any) -> bool:
    return getattr(image_processor, "max_image_size", None) is not None


def _canvas_of_size(size: Any) -> Canvas:
    """transformers says a size as height and width, or by an edge."""
    given = dict(size) if size else {}
    edge = given.get("longest_edge") or given.get("shortest_edge") or _ORDINARY_EDGE_PX
    return Canvas(int(given.get("height") or edge), int(given.get("width") or edge))
