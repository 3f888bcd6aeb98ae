"""What do the tokens of an answer say? Text, and fields where there are any."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from quire.words.reading import PageText

_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_FIRST_TAG = re.compile(r"<[^<>]*>")


_SPARE_LEVELS = 200
"""Of nesting: whoever hands fields on is deeper in calls than they were when they were tried here."""


class AnswerReader(Protocol):
    """Reads one answer to `prompt`, None for the model's own."""

    def __call__(self, tokens: Sequence[int], prompt: str | None = None) -> PageText: ...


def page_text(text: str, fields: dict[str, Any] | None = None) -> PageText:
    """What is written token by token has no place on the page: no lines, no blocks. What no message can hold
    is left out: fields that are too deep or hold too large a number, and halves of surrogate pairs."""
    sayable = text.encode("utf-8", "replace").decode()
    return PageText(text=sayable, lines=(), blocks=(), fields=fields if _is_sayable(fields) else None)


def _is_sayable(fields: Any) -> bool:
    for _ in range(_SPARE_LEVELS):
        fields = [fields]
    try:
        msgspec.msgpack.encode(fields)
    except (ValueError, OverflowError, RecursionError):
        return False
    return True


class TextReader:
    """The answer is the text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __call__(self, tokens: Sequence[int], prompt: str | None = None) -> PageText:
        return page_text(self.text(tokens))

    def text(self, tokens: Sequence[int]) -> str:
        decoded: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return decoded.strip()


class JsonReader(TextReader):
    """The answer holds a JSON object, bare or in a fence; without one there are no fields."""

    def __call__(self, tokens: Sequence[int], prompt: str | None = None) -> PageText:
        text = self.text(tokens)
        return page_text(text, object_in(text))


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that the text is, or that stands in its first fence."""
    fenced = _FENCED.search(text)
    try:
        found = json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class DonutReader:
    """Donut writes tags; `token2json` of its processor makes fields of them. The prompt belongs to the
    sequence: its first tag names the task, and later ones may be fields, as a question is."""

    def __init__(self, processor: Any, tokens_of: Callable[[str | None], Sequence[int]]) -> None:
        """`tokens_of` tells a prompt's tokens."""
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self._tokens_of = tokens_of
        self._unseen = [
            token for token in (self._tokenizer.eos_token, self._tokenizer.pad_token) if token is not None
        ]

    def __call__(self, tokens: Sequence[int], prompt: str | None = None) -> PageText:
        sequence = [*self._tokens_of(prompt), *tokens]
        tagged: str = self._tokenizer.decode(sequence, skip_special_tokens=False)
        for token in self._unseen:
            tagged = tagged.replace(token, "")
        fields = self._processor.token2json(_FIRST_TAG.sub("", tagged, count=1).strip())
        if not isinstance(fields, dict):
            # A sequence of objects, one behind the other.
            fields = {"items": fields}
        return page_text("\n".join(_leaves(fields)), fields)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif value:
        yield str(value)
