"""What do the time steps of a line say? CTC: runs of a class are one character, blanks are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_BLANK = 0

_LEAST_SPACE_ODDS = 0.1
"""The network is shy of spaces: between words the blank often wins with the space close behind. Where a
space has these odds against the winner somewhere between two characters, there is one."""

_FIRST_IDEOGRAPHIC = 0x2E80
"""Chinese, Japanese and Korean characters and punctuation begin here; no space is put between them."""


@dataclass(frozen=True)
class Reading:
    """What a line was read as; `confidence` is the mean over its characters, 0.0 without any."""

    text: str
    confidence: float


class Decoder:
    """Turns classes into text with a model's characters; the last class is the space."""

    def __init__(self, characters: Sequence[str]) -> None:
        self._characters = np.array(characters, dtype=object)
        self._space = len(characters) - 1
        self._is_ideographic = np.array([character >= chr(_FIRST_IDEOGRAPHIC) for character in characters])

    def decode(
        self,
        classes: npt.NDArray[np.int64],
        confidences: npt.NDArray[np.float32],
        space_odds: npt.NDArray[np.float32],
    ) -> list[Reading]:
        """One reading for each row of [n, t] classes, their probabilities, and the odds of a space
        against them."""
        num_rows = len(classes)
        is_character = classes != _BLANK
        is_character[:, 1:] &= classes[:, 1:] != classes[:, :-1]
        spaces_so_far = np.cumsum(space_odds > _LEAST_SPACE_ODDS, axis=1)
        rows, steps = np.nonzero(is_character)
        written = classes[rows, steps]
        # How many steps strictly between two characters of a row may be a space.
        between: npt.NDArray[np.int64] = (
            spaces_so_far[rows[1:], steps[1:] - 1] - spaces_so_far[rows[:-1], steps[:-1]]
        )
        apart = (between > 0) & (rows[1:] == rows[:-1]) & self._may_part(written[:-1], written[1:])
        pieces = self._characters[written]
        pieces[1:][apart] = " " + pieces[1:][apart]
        sureness = np.bincount(rows, weights=confidences[rows, steps], minlength=num_rows)
        ends = np.cumsum(np.bincount(rows, minlength=num_rows)).tolist()
        return [
            _reading(pieces[start:end].tolist(), total)
            for (start, end), total in zip(pairwise((0, *ends)), sureness.tolist(), strict=True)
        ]

    def _may_part(self, before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        ideographic = self._is_ideographic[before] & self._is_ideographic[after]
        may: npt.NDArray[np.bool_] = (before != self._space) & (after != self._space) & ~ideographic
        return may


def _reading(pieces: list[str], sureness: float) -> Reading:
    """Of characters, each with the space before it, and the sum of their probabilities."""
    text = " ".join("".join(pieces).split())
    return Reading(text, min(1.0, max(0.0, sureness / len(pieces))) if text else 0.0)
