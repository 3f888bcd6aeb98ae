"""The rows as transformers' models see them during one step: a cache that writes each row's new token at
that row's own place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, EncoderDecoderCache

from quire.models.decoding.rows import LayerState, SequenceState


@dataclass(frozen=True)
class StepPlace:
    """Where a step writes: row `rows[i]`, that is i, at `positions[i]`, both [n] on the device.
    `num_tokens` is the longest row's length with the new token."""

    rows: Tensor
    positions: Tensor
    num_tokens: int

    def mask(self, dtype: torch.dtype) -> Tensor:
        """Additive, [n, 1, 1, num_tokens]: a row sees its own tokens and the new one."""
        tokens = torch.arange(self.num_tokens, device=self.positions.device)
        is_hidden = tokens[None, :] > self.positions[:, None]
        mask = torch.zeros(is_hidden.shape, dtype=dtype, device=is_hidden.device)
        return mask.masked_fill_(is_hidden, torch.finfo(dtype).min)[:, None, None, :]


_Layer: Any = CacheLayerMixin
"""Its methods are without types."""


class _RowsLayer(_Layer):  # type: ignore[misc]  # to mypy the base is Any: transformers types none of its methods
    """One layer's rows. In cross attention nothing is written, and `keys` and `values` are read."""

    is_sliding = False

    def __init__(self, state: LayerState, place: StepPlace | None) -> None:
        super().__init__()
        self.keys: Tensor = state.keys
        self.values: Tensor = state.values
        self.is_initialized = True
        self._place = place

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing is left to make."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        place = self._place
        if place is None:
            return self.keys, self.values
        self.keys[place.rows, :, place.positions] = key_states[:, :, 0]
        self.values[place.rows, :, place.positions] = value_states[:, :, 0]
        return self.keys[:, :, : place.num_tokens], self.values[:, :, : place.num_tokens]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        """Before the step."""
        return self._place.num_tokens - 1 if self._place else int(self.keys.shape[2])

    def get_max_length(self) -> int:
        return int(self.keys.shape[2])


def own_cache(state: SequenceState, place: StepPlace) -> Cache:
    """For a decoder that has the image in its prompt."""
    return Cache(layers=[_RowsLayer(layer, place) for layer in state.own])


def crossed_cache(state: SequenceState, place: StepPlace) -> EncoderDecoderCache:
    """For a decoder that looks at the image by cross attention: that is not computed again."""
    crossed = Cache(layers=[_RowsLayer(layer, None) for layer in state.crossed])
    return EncoderDecoderCache(own_cache(state, place), crossed)
