"""What the lanes ask of a network, whichever family it is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
from torch import Tensor

from quire.engine.port import Pixels
from quire.models.decoding.rows import SequenceState
from quire.models.decoding.step_cache import StepPlace

PageInputs = Mapping[str, npt.NDArray[Any]]
"""A page as its processor gives it: by name, each with the page as first axis or a part of it."""

PROMPT = "input_ids"
"""The input that holds the prompt's tokens, [1, tokens]."""


@dataclass(frozen=True)
class Prefilled:
    """Pages and prompts read: `logits` [n, vocabulary] of the first token."""

    logits: Tensor
    state: SequenceState


class DecoderNetwork(Protocol):
    """Weights on a device. `max_positions` is how many tokens a sequence may have, prompt included."""

    max_positions: int

    def prefill(self, inputs: Mapping[str, Tensor]) -> Prefilled:
        """Pages whose inputs have one shape, joined along the first axis."""

    def step(self, tokens: Tensor, place: StepPlace, state: SequenceState) -> Tensor:
        """One more token for each row: `tokens` [n] to logits [n, vocabulary]."""

    def plain_logits(self, inputs: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """[n, k, vocabulary] of `tokens` [n, k] written after the prompt, without any cache: what
        `prefill` and `step` must come to."""


class PagePreparer(Protocol):
    """Page pixels to a network's inputs: resizing, normalising and the prompt, None for the model's own.
    Called from one thread."""

    def __call__(self, pixels: Pixels, prompt: str | None = None) -> PageInputs: ...
