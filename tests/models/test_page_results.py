"""What a user's page model may give for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from quire.models.page_results import page_text_of
from quire.words.reading import Line, PageText, TextSource, rectangle


@dataclass(frozen=True)
class Found:
    kind: str
    score: float


class FoundStruct(msgspec.Struct):
    kind: str
    scores: Any


class Listed(msgspec.Struct, array_like=True):
    kind: str


def test_a_text_is_the_pages_text() -> None:
    assert page_text_of("hello") == PageText(text="hello", lines=(), blocks=())


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        ({"kind": "letter", "boxes": [[1, 2.5], ()]}, {"kind": "letter", "boxes": [[1, 2.5], []]}),
        ({1: None, "nested": {"deep": True}}, {"1": None, "nested": {"deep": True}}),
        (Found("letter", 0.5), {"kind": "letter", "score": 0.5}),
        (FoundStruct("letter", (1, 2)), {"kind": "letter", "scores": [1, 2]}),
        ({"s": np.float32(0.5), "i": np.int64(3), "a": np.arange(3)}, {"s": 0.5, "i": 3, "a": [0, 1, 2]}),
        ({"s": np.float64(0.5), "b": np.bool_(True)}, {"s": 0.5, "b": True}),
        ({"t": torch.tensor([[1.0, 2.0]]), "n": torch.tensor(4)}, {"t": [[1.0, 2.0]], "n": 4}),
    ],
)
def test_a_mapping_and_its_kin_are_fields(result: Any, fields: dict[str, Any]) -> None:
    sent = msgspec.msgpack.encode(page_text_of(result))
    received = msgspec.msgpack.decode(sent, type=PageText)
    assert received == PageText(text="", source=TextSource.NONE, fields=fields)


def test_a_page_text_is_taken_whole() -> None:
    line = Line(text="a", confidence=0.5, polygon=rectangle(0, 0, 1, 1))
    given = PageText(text="a", lines=(line,), fields={"score": np.float32(0.25)})
    assert page_text_of(given) == msgspec.structs.replace(given, fields={"score": 0.25})


def test_parts_of_a_page_text_may_be_plain() -> None:
    line = Line(text="a", confidence=0.5, polygon=rectangle(0, 0, 1, 1))
    plain: Any = ({"text": "a", "confidence": np.float32(0.5), "polygon": np.array(line.polygon)},)
    assert page_text_of(PageText(text="a", lines=plain)) == PageText(text="a", lines=(line,))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"text": None}, r"malformed: .*`\$\.text`"),
        ({"text": "a", "lines": ({"text": "a"},)}, r"malformed: .*`\$\.lines\[0\]`"),
        ({"text": "a", "rotation_degrees": 0.5}, r"malformed: .*`\$\.rotation_degrees`"),
        ({"text": "", "fields": ["a"]}, r"malformed: .*`\$\.fields`"),
    ],
    ids=str,
)
def test_a_malformed_page_text_is_an_error(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        page_text_of(PageText(**parts))


def test_a_struct_that_becomes_no_mapping_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"malformed: .*`\$\.fields`"):
        page_text_of(Listed("letter"))


@pytest.mark.parametrize("result", [None, 3, ["a"], np.zeros(3), Found])
def test_anything_else_is_an_error(result: Any) -> None:
    with pytest.raises(TypeError, match="not a text, a mapping or a PageText"):
        page_text_of(result)


def test_what_json_has_not_is_an_error() -> None:
    with pytest.raises(TypeError, match="holds a object"):
        page_text_of({"x": object()})
