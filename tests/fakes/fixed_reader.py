"""A reader that need not look: what stands on a page is chosen by its first pixel."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from quire.engine.port import Item, Lane, Pixels
from quire.models.device_side.cpu import CpuSide
from quire.words.reading import Line, ModelInfo, PageText, rectangle

WIDTH, HEIGHT = 800, 1100
_WORDS_A_LINE = 7


class FixedReader:
    """Reads the page whose first pixel is of brightness i as `pages[i]`."""

    info = ModelInfo(name="fixed", revision="r")
    lanes: Mapping[str, Lane] = {}

    def __init__(self, pages: Sequence[PageText]) -> None:
        self.side = CpuSide()
        self._pages = pages

    def warm_up(self) -> None:
        """There is nothing to warm."""

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        yield from ()
        return self._pages[int(pixels[0, 0, 0])]


def page_of(words: Sequence[str]) -> PageText:
    """The words in lines of a few, one below the other."""
    lines = [words[start : start + _WORDS_A_LINE] for start in range(0, len(words), _WORDS_A_LINE)]
    step = (HEIGHT - 40) / max(1, len(lines))
    placed = tuple(
        Line(
            text=" ".join(line),
            confidence=1.0,
            polygon=rectangle(40, 20 + step * row, 40 + 100 * len(line), 20 + step * (row + 0.7)),
        )
        for row, line in enumerate(lines)
    )
    return PageText(text="\n".join(line.text for line in placed), lines=placed, blocks=())


def pixels_of(number: int) -> Pixels:
    """A page of noise that FixedReader knows by its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[0, 0, 0] = number
    return pixels
