"""The lane `text`: windows of texts to what a head makes of them, those of all documents together.

As on the lane `tokens`, a window's canvas is one high and as wide as the window filled up to one of a short
list of lengths; what is filled up is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.device_side.side import DeviceSide, Fetch
from quire.models.huggingface.text_inputs import TextWindow
from quire.models.huggingface.token_lane import CPU_BATCH_TOKENS, CUDA_BATCH_TOKENS

TEXT = "text"

Floats32 = npt.NDArray[np.float32]

Head = Callable[[Any, Tensor], Tensor]
"""Of a forward pass's outputs and the [n, length] mask of counted tokens makes float32 [n, …]."""


def logits_head(outputs: Any, is_counted: Tensor) -> Tensor:
    """[n, classes] of a sequence classifier, [n, length, classes] of a token classifier."""
    logits: Tensor = outputs.logits
    return logits.float()


def sum_head(outputs: Any, is_counted: Tensor) -> Tensor:
    """[n, hidden]: the sum of the counted tokens' states, for pooling by the mean."""
    states: Tensor = outputs.last_hidden_state
    return (states.float() * is_counted[..., None]).sum(1)


def first_head(outputs: Any, is_counted: Tensor) -> Tensor:
    """[n, hidden]: the first token's state."""
    states: Tensor = outputs.last_hidden_state
    return states[:, 0].float()


@dataclass(frozen=True)
class TextNetwork:
    """A network whose forward takes input_ids and attention_mask. `is_by_token`: the head gives a row for
    each token of a window."""

    module: Any
    side: DeviceSide
    pad_id: int
    head: Head
    is_by_token: bool


class TextLane:
    """Payload: TextWindow. Output: what the head gives of it, [n, …] by token."""

    def __init__(self, network: TextNetwork, batch_share: float = 1.0) -> None:
        self._network = network
        self._side = network.side
        most = CPU_BATCH_TOKENS if network.side.device.type == "cpu" else CUDA_BATCH_TOKENS
        self._batch_tokens = int(most * batch_share)

    @property
    def pad_id(self) -> int:
        return self._network.pad_id

    def max_items(self, canvas: Canvas) -> int:
        return max(1, self._batch_tokens // canvas.width)

    def pre(self, canvas: Canvas, payloads: Sequence[TextWindow]) -> tuple[Tensor, ...]:
        """Ids, the mask of what is not filled up, and the mask of what is counted: [n, length] each."""
        shape = (len(payloads), canvas.width)
        ids = np.full(shape, self.pad_id, np.int64)
        mask, counted = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for row, window in enumerate(payloads):
            length = len(window.ids)
            ids[row, :length], mask[row, :length] = window.ids, 1
            counted[row, :length] = window.is_counted
        with self._side.guard():
            return tuple(self._side.upload(each) for each in (ids, mask, counted))

    def device(self, prepared: tuple[Tensor, ...]) -> Fetch:
        ids, mask, counted = prepared
        with self._side.guard(), torch.inference_mode():
            outputs = self._network.module(input_ids=ids, attention_mask=mask)
            return self._side.fetch([self._network.head(outputs, counted)])

    def post(self, output: Fetch, payloads: Sequence[TextWindow]) -> list[Floats32]:
        (made,) = output.arrays()
        if not self._network.is_by_token:
            return [row.copy() for row in made]
        return [row[: len(window.ids)].copy() for row, window in zip(made, payloads, strict=True)]
