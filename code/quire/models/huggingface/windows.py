"""How does a long sequence of tokens pass through a model that takes few at once? In overlapping windows,
each on a canvas of its own length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quire.engine.port import Canvas

_LENGTHS = tuple(length for power in range(6, 16) for length in (2**power, 3 * 2 ** (power - 1)))
"""64, 96, 128, 192, 256, 384, 512 and so on: beyond 64 a window is filled up by less than half of itself."""


@dataclass(frozen=True)
class Window:
    """Tokens `start` to `stop`, the latter excluded, of a sequence."""

    start: int
    stop: int


@dataclass(frozen=True)
class WindowLimits:
    """Windows of at most `most_tokens`, of which two neighbours share `overlap_tokens`; specials, such as
    the one that begins every input, are not counted."""

    most_tokens: int
    overlap_tokens: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap_tokens < self.most_tokens:
            raise ValueError(
                f"windows of {self.most_tokens} tokens cannot share {self.overlap_tokens}: choose a stride "
                f"from 0 to {self.most_tokens - 1}"
            )


def windows_of(num_tokens: int, limits: WindowLimits) -> list[Window]:
    """Full windows, save for the last one. None for no tokens."""
    if not num_tokens:
        return []
    step = limits.most_tokens - limits.overlap_tokens
    starts = range(0, max(1, num_tokens - limits.overlap_tokens), step)
    return [Window(start, min(start + limits.most_tokens, num_tokens)) for start in starts]


def best_windows(num_tokens: int, windows: Sequence[Window]) -> npt.NDArray[np.intp]:
    """For each token the index of the window in which it has the most context on its poorer side; of
    equals the first. Where the sequence begins or ends, nothing is missing on that side."""
    best = np.zeros(num_tokens, np.intp)
    most = np.full(num_tokens, -1.0)
    for index, window in enumerate(windows):
        inside = slice(window.start, window.stop)
        places = np.arange(window.start, window.stop, dtype=np.float64)
        before = places - window.start if window.start else np.inf
        after = window.stop - 1 - places if window.stop < num_tokens else np.inf
        context = np.broadcast_to(np.minimum(before, after), places.shape)
        is_better = context > most[inside]
        best[inside][is_better] = index
        most[inside][is_better] = context[is_better]
    return best


def lengths_up_to(most_tokens: int) -> tuple[int, ...]:
    """The lengths on which windows are laid by a model that takes so many tokens, specials counted."""
    return (*(length for length in sorted(_LENGTHS) if length < most_tokens), most_tokens)


def length_canvas(num_tokens: int, lengths: Sequence[int]) -> Canvas:
    """The canvas of so many tokens: one high, and as wide as the least of `lengths` that holds them."""
    return Canvas(1, next(length for length in lengths if length >= num_tokens))
