"""What ends an answer, and what is never written? As the folder's generation_config.json says, and
quire.json asks."""

from __future__ import annotations

from typing import Any

from quire.models.decoding.options import DecodingOptions
from quire.models.decoding.sequences import Endings

GOT_OCR2_MESSAGE_END = "<|im_end|>"

DEFAULT_MAX_TOKENS = 1024
"""Of an answer, where neither quire.json nor generation_config.json (max_new_tokens) says it."""


def endings_of(model: Any, tokenizer: Any, asked: DecodingOptions) -> Endings:
    """Raises ValueError where nothing would end an answer, or `stop` names what is no single token."""
    generation: Any = model.generation_config
    stop = {*_tokens(generation.eos_token_id), *_tokens(tokenizer.eos_token_id)}
    stop |= {_single_token(tokenizer, text) for text in asked.stop}
    stop |= _stop_strings(generation, tokenizer) | _message_end(model.config, tokenizer)
    if not stop:
        raise ValueError("no end of an answer is known: name its token in quire.json, under stop")
    return Endings(
        stop_tokens=frozenset(stop),
        max_tokens=asked.max_tokens or generation.max_new_tokens or DEFAULT_MAX_TOKENS,
        max_repeats=asked.max_repeats,
    )


def forbidden_tokens(generation: Any) -> list[int]:
    """Single tokens that are never written: suppress_tokens, and bad_words_ids of one token."""
    words = generation.bad_words_ids or []
    return sorted({*(generation.suppress_tokens or []), *(word[0] for word in words if len(word) == 1)})


def _stop_strings(generation: Any, tokenizer: Any) -> set[int]:
    """Those of one token. A longer one, which `generate` would find in the text, ends nothing here."""
    given = generation.stop_strings or []
    texts = [given] if isinstance(given, str) else given
    tokens = [_known_tokens(tokenizer, text) for text in texts]
    return {found[0] for found in tokens if len(found) == 1}


def _message_end(config: Any, tokenizer: Any) -> set[int]:
    """Of GOT-OCR2, whose published folders name it nowhere: their users hand it to `generate`. None where the
    tokenizer has no such special token."""
    if config.model_type != "got_ocr2":
        return set()
    added = tokenizer.added_tokens_decoder
    found = _known_tokens(tokenizer, GOT_OCR2_MESSAGE_END)
    return set(found) if len(found) == 1 and found[0] in added and added[found[0]].special else set()


def _known_tokens(tokenizer: Any, text: str) -> list[int]:
    """None of them where the tokenizer does not know all."""
    tokens: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [] if tokenizer.unk_token_id in tokens else tokens


def _tokens(given: Any) -> list[int]:
    if given is None:
        return []
    return [int(token) for token in given] if isinstance(given, list | tuple) else [int(given)]


def _single_token(tokenizer: Any, text: str) -> int:
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(tokens) != 1:
        raise ValueError(f"stop: {text!r} is {len(tokens)} tokens, and must be one")
    return int(tokens[0])
