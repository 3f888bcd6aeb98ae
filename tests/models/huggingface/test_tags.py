"""Tags of words to spans, in each of the schemes that models are trained with."""

from __future__ import annotations

import pytest

from quire.models.huggingface.tags import Span, Tag, spans_of, tags_of


def spans(labels: list[str], said: str) -> list[Span]:
    tags = tags_of(dict(enumerate(labels)), ("O",))
    return spans_of([tags[labels.index(name)] for name in said.split()])


BIO = ["O", "B-X", "I-X", "B-Y", "I-Y"]
BIOES = ["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"]
BILOU = ["O", "B-X", "I-X", "L-X", "U-X"]


@pytest.mark.parametrize(
    ("labels", "said", "expected"),
    [
        (BIO, "O B-X I-X O B-Y", [Span("X", 1, 3), Span("Y", 4, 5)]),
        (BIO, "B-X B-X I-X", [Span("X", 0, 1), Span("X", 1, 3)]),
        (BIO, "I-X I-X O I-X", [Span("X", 0, 2), Span("X", 3, 4)]),
        (BIO, "B-X I-Y I-Y", [Span("X", 0, 1), Span("Y", 1, 3)]),
        (BIO, "O O", []),
        (BIOES, "B-X I-X E-X I-X", [Span("X", 0, 3), Span("X", 3, 4)]),
        (BIOES, "S-X S-X E-X E-X", [Span("X", 0, 1), Span("X", 1, 2), Span("X", 2, 3), Span("X", 3, 4)]),
        (BILOU, "B-X L-X U-X O U-X", [Span("X", 0, 2), Span("X", 2, 3), Span("X", 4, 5)]),
        (["o", "B_X", "I_X"], "B_X I_X o", [Span("X", 0, 2)]),
        (["O", "total", "E-mail"], "total total O E-mail", [Span("total", 0, 2), Span("E-mail", 3, 4)]),
    ],
)
def test_tags_are_joined(labels: list[str], said: str, expected: list[Span]) -> None:
    assert spans(labels, said) == expected


def test_nothing_said_is_nothing_found() -> None:
    assert spans_of([]) == []


def test_other_labels_may_stand_for_no_entity() -> None:
    assert tags_of({0: "other", 1: "B-X"}, ("O", "OTHER")) == [Tag(None), Tag("X", begins=True)]
    assert tags_of({0: "other", 1: "B-X"}, ("O",)) == [Tag("other"), Tag("B-X")]
