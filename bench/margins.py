"""By how much was a line undecided whose text changed with its company? Judged by the published network in
float32, as transformers runs it, on the very pixels that the lane was given."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PPOCRV6SmallRecForTextRecognition

from bench.recorded import ReadLine
from quire.engine.port import Lane
from quire.models.model_folder import RECOGNITION_FOLDER
from quire.models.ppocr.decoding import _LEAST_SPACE_ODDS as LEAST_SPACE_ODDS
from quire.models.ppocr.networks import Networks
from quire.models.ppocr.reader import LEAST_CONFIDENCE

Floats = npt.NDArray[np.float64]


class Cause(enum.Enum):
    """Which decision fell the other way."""

    CHARACTER = "a character"
    SPACE = "a space"
    CONFIDENCE = "whether it is text at all"
    REGION = "where the line lies"


@dataclass(frozen=True)
class Difference:
    """A line whose text changed. `margin` is in nats: between the two likeliest classes of the step, or to
    the threshold; the largest where several steps changed. None for a line found elsewhere or not at all."""

    alone: str
    beside: str
    cause: Cause
    margin: float | None


@dataclass(frozen=True)
class _Steps:
    """What the lane's network says of each step of one line."""

    classes: npt.NDArray[np.int64]
    is_space: npt.NDArray[np.bool_]


class Judge:
    """Runs lines again: as they ran, and in the published float32 network."""

    def __init__(self, folder: Path, networks: Networks, lane: Lane) -> None:
        self._networks = networks
        self._lane = lane
        self._published = PPOCRV6SmallRecForTextRecognition.from_pretrained(
            folder / RECOGNITION_FOLDER, local_files_only=True, dtype=torch.float32
        )

    def difference(self, alone: ReadLine, beside: ReadLine, texts: tuple[str, str]) -> Difference:
        """Of a line at the same place; `texts` is what it said alone and beside others. Raises ValueError
        where neither a character nor a space was decided otherwise."""
        before, after = self._steps(alone), self._steps(beside)
        top_two, to_space = self._doubts(alone)
        changed = before.classes != after.classes
        if changed.any():
            return Difference(*texts, Cause.CHARACTER, float(top_two[changed].max()))
        changed = before.is_space != after.is_space
        if not changed.any():
            raise ValueError(f"{texts}: the same steps, and another text")
        return Difference(*texts, Cause.SPACE, float(to_space[changed].max()))

    def _steps(self, line: ReadLine) -> _Steps:
        prepared: Tensor = self._lane.pre(line.canvas, line.batch)
        said = self._networks.recognize(prepared)
        odds = said.space_odds[line.index].float().cpu().numpy()
        return _Steps(said.classes[line.index].cpu().numpy(), odds > LEAST_SPACE_ODDS)

    def _doubts(self, line: ReadLine) -> tuple[Floats, Floats]:
        """For each step, in nats: how far the second class is behind the first, and how far the space is
        from the odds at which it is written."""
        pixels: Tensor = self._lane.pre(line.canvas, [line.place])
        images = (pixels.cpu().flip(1).float() / 255 - 0.5) / 0.5
        with torch.inference_mode():
            found = self._published(pixel_values=images).last_hidden_state[0].double()
        first, second = found.topk(2, dim=1).values.log().unbind(1)
        space = found[:, -1].log() - first
        return (first - second).numpy(), (space - math.log(LEAST_SPACE_ODDS)).abs().numpy()


def confidence_margin(confidence: float) -> float:
    """How far a line's confidence is from the least that is taken for text, in nats."""
    return abs(math.log(max(confidence, 1e-9)) - math.log(LEAST_CONFIDENCE))
