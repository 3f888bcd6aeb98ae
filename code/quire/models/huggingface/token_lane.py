"""The lane `tokens`: windows of tokens with their boxes to logits, those of all pages together.

A window's canvas is one high and as wide as its tokens, filled up to one of a short list of lengths: so it
depends on the window alone. What is filled up is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.device_side.side import DeviceSide, Fetch
from quire.models.huggingface.page_picture import PagePicture
from quire.models.huggingface.token_specials import Ints

TOKENS = "tokens"

Logits = npt.NDArray[np.float32]
"""[n, classes], one row for each token of a window, specials included."""

CPU_BATCH_TOKENS = 2048
CUDA_BATCH_TOKENS = 32_768
"""Chosen, not measured: `quire tune` tries other shares."""


@dataclass(frozen=True)
class TokenWindow:
    """A window's [n] ids and [n, 4] boxes, specials included, and its page for models that see it."""

    ids: Ints
    boxes: Ints
    picture: PagePicture | None


@dataclass(frozen=True)
class TokenNetwork:
    """A network whose forward takes input_ids, attention_mask, bbox and perhaps pixel_values, and gives
    logits."""

    module: Any
    side: DeviceSide
    dtype: torch.dtype
    pad_id: int


class TokenLane:
    """Payload: TokenWindow. Output: Logits."""

    def __init__(self, network: TokenNetwork, batch_share: float = 1.0) -> None:
        self._network = network
        self._side = network.side
        most = CPU_BATCH_TOKENS if network.side.device.type == "cpu" else CUDA_BATCH_TOKENS
        self._batch_tokens = int(most * batch_share)

    def max_items(self, canvas: Canvas) -> int:
        return max(1, self._batch_tokens // canvas.width)

    def pre(self, canvas: Canvas, payloads: Sequence[TokenWindow]) -> dict[str, Tensor]:
        with self._side.guard():
            laid = _laid_out(canvas, payloads, self._network.pad_id)
            return {name: self._side.upload(values) for name, values in laid.items()}

    def device(self, prepared: dict[str, Tensor]) -> Fetch:
        with self._side.guard(), torch.inference_mode():
            inputs = dict(prepared)
            if "pixel_values" in inputs:
                inputs["pixel_values"] = inputs["pixel_values"].to(self._network.dtype)
            logits: Tensor = self._network.module(**inputs).logits
            return self._side.fetch([logits.float()])

    def post(self, output: Fetch, payloads: Sequence[TokenWindow]) -> list[Logits]:
        (logits,) = output.arrays()
        return [rows[: len(window.ids)].copy() for rows, window in zip(logits, payloads, strict=True)]


def _laid_out(canvas: Canvas, payloads: Sequence[TokenWindow], pad_id: int) -> dict[str, npt.NDArray[Any]]:
    shape = (len(payloads), canvas.width)
    ids, mask = np.full(shape, pad_id, np.int64), np.zeros(shape, np.int64)
    boxes = np.zeros((*shape, 4), np.int64)
    for row, window in enumerate(payloads):
        length = len(window.ids)
        ids[row, :length], boxes[row, :length], mask[row, :length] = window.ids, window.boxes, 1
    laid: dict[str, npt.NDArray[Any]] = {"input_ids": ids, "attention_mask": mask, "bbox": boxes}
    pictures = [window.picture.values() for window in payloads if window.picture is not None]
    if pictures:
        laid["pixel_values"] = np.stack(pictures)
    return laid
