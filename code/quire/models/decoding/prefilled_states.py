"""What a prompt left in transformers' own cache, as states that rows can hold."""

from __future__ import annotations

from typing import Any

from quire.models.decoding.rows import LayerState


def states_of(cache: Any) -> tuple[LayerState, ...]:
    """Raises ValueError for a layer that does not keep every token: a window, or a state that is
    updated in place. A cache may have more layers than the decoder, which were never used."""
    used = [layer for layer in cache.layers if getattr(layer, "is_initialized", True)]
    return tuple(_state_of(layer) for layer in used)


def _state_of(layer: Any) -> LayerState:
    keys: Any = getattr(layer, "keys", None)
    values: Any = getattr(layer, "values", None)
    if keys is None or values is None or getattr(layer, "is_sliding", False):
        raise ValueError(f"a layer keeps its past as {type(layer).__name__}, which rows cannot hold")
    return LayerState(keys, values)
