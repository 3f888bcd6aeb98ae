"""Which neighbours make one entity? Tags of words, such as B-TOTAL, to spans of words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TAG = re.compile(r"(?P<part>[BIESLU])[-_](?P<label>.+)", re.DOTALL)
_BEGINS, _ENDS = "BSU", "ESLU"


@dataclass(frozen=True)
class Tag:
    """What a word is tagged with; label None is outside of every entity. `begins` and `ends`: an entity
    cannot go on from before it, or on after it."""

    label: str | None
    begins: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Span:
    """Words `start` to `stop`, the latter excluded."""

    label: str
    start: int
    stop: int


def tags_of(labels: Mapping[int, str], outside: Sequence[str]) -> list[Tag]:
    """The tag of each class, of labels as config.json's id2label has them. Where every label but those
    outside has a prefix, they follow BIO, BIOES or BILOU, and the prefix is no part of an entity's label;
    else a run of words with the same label is one entity."""
    names = [labels[index] for index in sorted(labels)]
    left_out = {name.casefold() for name in outside}
    matches = [_TAG.fullmatch(name) for name in names]
    is_prefixed = all(
        match or name.casefold() in left_out for name, match in zip(names, matches, strict=True)
    )
    return [
        Tag(None)
        if name.casefold() in left_out
        else Tag(match["label"], match["part"] in _BEGINS, match["part"] in _ENDS)
        if match and is_prefixed
        else Tag(name)
        for name, match in zip(names, matches, strict=True)
    ]


def spans_of(tags: Sequence[Tag]) -> list[Span]:
    """A word that goes on with what was not begun begins it: models make such errors, and they are kept."""
    spans: list[Span] = []
    is_open = False
    for index, tag in enumerate(tags):
        goes_on = is_open and not tag.begins and spans[-1].label == tag.label
        if goes_on:
            spans[-1] = Span(spans[-1].label, spans[-1].start, index + 1)
        elif tag.label is not None:
            spans.append(Span(tag.label, index, index + 1))
        is_open = tag.label is not None and not tag.ends
    return spans
