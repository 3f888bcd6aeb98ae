"""What do the time steps of a line say? CTC: runs of a class are one character, blanks are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        is_character = classes != _BLANK
        is_character[:, 1:] &= classes[:, 1:] != classes[:, :-1]
        spaces_so_far = np.cumsum(space_odds > _LEAST_SPACE_ODDS, axis=1)
        readings = []
        for row, written in enumerate(is_character):
            steps = np.flatnonzero(written)
            readings.append(
                self._reading(classes[row, steps], confidences[row, steps], spaces_so_far[row], steps)
            )
        return readings

    def _reading(
        self,
        classes: npt.NDArray[np.int64],
        confidences: npt.NDArray[np.float32],
        spaces_so_far: npt.NDArray[np.int64],
        steps: npt.NDArray[np.intp],
    ) -> Reading:
        if not len(steps):
            return Reading("", 0.0)
        # How many steps strictly between two characters may be a space.
        between = spaces_so_far[steps[1:] - 1] - spaces_so_far[steps[:-1]]
        apart = (between > 0) & self._may_part(classes[:-1], classes[1:])
        pieces = self._characters[classes].copy()
        pieces[1:][apart] = " " + pieces[1:][apart]
        text = " ".join("".join(pieces).split())
        return Reading(text, float(np.clip(confidences.mean(), 0.0, 1.0)) if text else 0.0)

    def _may_part(self, before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        ideographic = self._is_ideographic[before] & self._is_ideographic[after]
        may: npt.NDArray[np.bool_] = (before != self._space) & (after != self._space) & ~ideographic
        return may
