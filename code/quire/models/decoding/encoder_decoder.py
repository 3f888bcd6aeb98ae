"""VisionEncoderDecoderModel as a network: Donut, TrOCR, and others of an encoder and a decoder with cross
attention."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from quire.models.decoding.network import PROMPT, Prefilled
from quire.models.decoding.prefilled_states import states_of
from quire.models.decoding.row_positions import RowPositions, give_rows_positions
from quire.models.decoding.rows import SequenceState
from quire.models.decoding.step_cache import StepPlace, crossed_cache

if TYPE_CHECKING:
    from collections.abc import Iterator

PIXELS = "pixel_values"


class EncoderDecoderNetwork:
    """Raises ValueError for a decoder whose rows cannot have positions of their own."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._decoder = model.decoder
        self.max_positions = int(model.decoder.config.max_position_embeddings)
        self._row_positions = give_rows_positions(model.decoder)
        self._takes_positions = "position_ids" in inspect.signature(model.decoder.forward).parameters
        if self._row_positions is None and not self._takes_positions:
            raise ValueError(f"{type(model.decoder).__name__} takes no position for each row")

    def prefill(self, inputs: Mapping[str, Tensor]) -> Prefilled:
        config = self._decoder.config
        cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))
        seen = self._see(inputs[PIXELS])
        outputs = self._decoder(
            input_ids=inputs[PROMPT],
            encoder_hidden_states=seen,
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
        )
        own, crossed = states_of(cache.self_attention_cache), states_of(cache.cross_attention_cache)
        return Prefilled(outputs.logits[:, -1], SequenceState(own, crossed))

    def step(self, tokens: Tensor, place: StepPlace, state: SequenceState) -> Tensor:
        crossed = state.crossed[0].keys
        # What stands there is not looked at: its keys and values are in the cache.
        seen = crossed.new_zeros(1, 1, 1).expand(
            len(tokens), crossed.shape[2], self._decoder.config.hidden_size
        )
        positions = {"position_ids": place.positions[:, None]} if self._row_positions is None else {}
        with self._at(place.positions):
            outputs = self._decoder(
                input_ids=tokens[:, None],
                attention_mask=place.mask(crossed.dtype),
                encoder_hidden_states=seen,
                past_key_values=crossed_cache(state, place),
                use_cache=True,
                return_dict=True,
                **positions,
            )
        logits: Tensor = outputs.logits[:, -1]
        return logits

    def plain_logits(self, inputs: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        prompt = inputs[PROMPT]
        outputs = self._decoder(
            input_ids=torch.cat([prompt, tokens], dim=1),
            encoder_hidden_states=self._see(inputs[PIXELS]),
            use_cache=False,
            return_dict=True,
        )
        logits: Tensor = outputs.logits[:, prompt.shape[1] - 1 : -1]
        return logits

    def _see(self, pixels: Tensor) -> Tensor:
        """[n, places, width] of the decoder's cross attention."""
        seen: Tensor = self._model.encoder(pixel_values=pixels.to(self._model.dtype), return_dict=True)[0]
        if hasattr(self._model, "enc_to_dec_proj"):
            seen = self._model.enc_to_dec_proj(seen)
        return seen

    def _at(self, positions: Tensor) -> AbstractContextManager[None]:
        return nullcontext() if self._row_positions is None else _placed(self._row_positions, positions)


@contextmanager
def _placed(embedding: RowPositions, positions: Tensor) -> Iterator[None]:
    embedding.rows = positions
    try:
        yield
    finally:
        embedding.rows = None
