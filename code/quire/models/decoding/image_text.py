"""A language model with the image in its prompt as a network: what AutoModelForImageTextToText loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from quire.models.decoding.network import PROMPT, Prefilled
from quire.models.decoding.prefilled_states import states_of
from quire.models.decoding.rows import SequenceState
from quire.models.decoding.step_cache import StepPlace, own_cache

_MASK = "attention_mask"


class ImageTextNetwork:
    """Raises ValueError for a model that decodes in another way than token after token."""

    def __init__(self, model: Any) -> None:
        if model.config.is_encoder_decoder:
            raise ValueError(f"{type(model).__name__} has an encoder for text, which is not served")
        self._model = model
        self._text_config = model.config.get_text_config(decoder=True)
        self.max_positions = int(self._text_config.max_position_embeddings)

    def prefill(self, inputs: Mapping[str, Tensor]) -> Prefilled:
        cache = DynamicCache(config=self._text_config)
        outputs = self._model(
            **self._typed(inputs), past_key_values=cache, use_cache=True, logits_to_keep=1, return_dict=True
        )
        return Prefilled(outputs.logits[:, -1], SequenceState(states_of(cache)))

    def step(self, tokens: Tensor, place: StepPlace, state: SequenceState) -> Tensor:
        outputs = self._model(
            input_ids=tokens[:, None],
            attention_mask=place.mask(state.own[0].keys.dtype),
            position_ids=place.positions[:, None],
            past_key_values=own_cache(state, place),
            use_cache=True,
            return_dict=True,
        )
        logits: Tensor = outputs.logits[:, -1]
        return logits

    def plain_logits(self, inputs: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        prompt = inputs[PROMPT]
        longer = {name: values for name, values in inputs.items() if values.shape != prompt.shape}
        longer |= {PROMPT: torch.cat([prompt, tokens], dim=1)}
        outputs = self._model(**self._typed(longer), use_cache=False, return_dict=True)
        logits: Tensor = outputs.logits[:, prompt.shape[1] - 1 : -1]
        return logits

    def _typed(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """In the weights' number format. A prompt that is all there needs no mask."""
        return {
            name: values.to(self._model.dtype) if values.is_floating_point() else values
            for name, values in inputs.items()
            if name != _MASK
        }
