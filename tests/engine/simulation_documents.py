"""What a simulated document is: its pages, what each does to those who handle it, and its right text."""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass, field
from typing import TypeVar

from quire.engine.port import Pixels
from quire.models.stub import Marker
from quire.words.reading import PageSize

Kind = TypeVar("Kind")

_MIN_SIDE_PX = 20
"""So large that a page's number fits into the sum of its pixels: see `draw`."""

FAULTY = (Marker.POISON, Marker.KILL, Marker.HANG, Marker.FATAL)


_FIRST_NUMBER = 100
"""More than any marker's sum."""


class Fate(enum.Enum):
    """What a page, or a file that is opened, does to its renderer."""

    DRAWN = enum.auto()
    LAYER = enum.auto()
    FAILS = enum.auto()
    CRASHES = enum.auto()
    HANGS = enum.auto()


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """`number` is the page's own among all; `marker` is what the stub meets in its first pixel."""

    number: int
    size: PageSize
    fate: Fate = Fate.DRAWN
    marker: tuple[int, int, int] | None = None

    @property
    def is_good(self) -> bool:
        """It has a text, unless others kill its workers."""
        return self.marker not in FAULTY and self.fate in (Fate.DRAWN, Fate.LAYER)

    @property
    def text(self) -> str:
        """What the stub reads from it; a layer says the same."""
        return f"{self.size.width_px} x {self.size.height_px}: {self.number}"

    def draw(self, pixels: Pixels) -> None:
        """The marker, then bytes that complete its sum to the page's number."""
        flat = pixels.reshape(-1)
        flat[:] = 0
        whole, rest = divmod(self.number - sum(self.marker or ()), 255)
        flat[3 : 3 + whole] = 255
        flat[3 + whole] = rest
        flat[:3] = self.marker or (0, 0, 0)


@dataclass(frozen=True, slots=True)
class SimulatedDocument:
    """`opening` FAILS, CRASHES or HANGS where the file itself is bad."""

    pages: tuple[SimulatedPage, ...]
    opening: Fate = Fate.DRAWN


@dataclass(frozen=True)
class Chances:
    """How many of a thousand pages, or of a thousand documents for the opening, are of each kind."""

    marker: dict[tuple[int, int, int], int] = field(default_factory=dict)
    fate: dict[Fate, int] = field(default_factory=dict)
    opening: dict[Fate, int] = field(default_factory=dict)


class Library:
    """Makes documents, every page of them different, from a seed. Pages are of one shape, or of any."""

    def __init__(self, seed: int, chances: Chances | None = None, *, is_uniform: bool = False) -> None:
        self._random = random.Random(seed)
        self._chances = chances or Chances()
        self._is_uniform = is_uniform
        self._num_pages = _FIRST_NUMBER

    def document(self, num_pages: int) -> SimulatedDocument:
        opening = self._one_of(self._chances.opening)
        return SimulatedDocument(tuple(self._page() for _ in range(num_pages)), opening or Fate.DRAWN)

    def _page(self) -> SimulatedPage:
        self._num_pages += 1
        width, height = self._random.randint(_MIN_SIDE_PX, 40), self._random.randint(_MIN_SIDE_PX, 60)
        size = PageSize(width_px=width, height_px=width if self._is_uniform else height, dpi=None)
        fate = self._one_of(self._chances.fate) or Fate.DRAWN
        marker = self._one_of(self._chances.marker)
        return SimulatedPage(self._num_pages, size, fate, marker if fate is Fate.DRAWN else None)

    def _one_of(self, chances: dict[Kind, int]) -> Kind | None:
        drawn = self._random.randrange(1000)
        for kind, chance in chances.items():
            if drawn < chance:
                return kind
            drawn -= chance
        return None


def scribble(pixels: Pixels) -> None:
    """What memory holds before the page is drawn: if it is read too early or too late, the text is wrong."""
    pixels.fill(77)
