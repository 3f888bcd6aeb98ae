"""What a container's answer is taken to say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.client.answers import is_partial, leading_members, model_error
from quire_endpoint.client.outcomes import ModelError


def pages(*errors: object) -> bytes:
    """JSON Lines, as the container writes them."""
    rows = [
        {"schema": "quire.page/1", "page": number, "text": "x" * 9000, "error": error}
        for number, error in enumerate(errors, 1)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def in_pieces(body: bytes, size: int = 1000) -> list[bytes]:
    return [body[place : place + size] for place in range(0, len(body), size)]


FAULT = {"code": "page_unreadable", "message": "broken", "retryable": False}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", False),
        (b'{"answer": 42}', False),
        (b'{"schema": "other", "status": "partial"}', False),
        (b'{"status": "partial", "schema": "quire.document/1"}', True),
        (b'{"schema":"quire.document/1","inference_id":null,"status":"complete","pages":[', False),
        (b"%PDF-1.7 \xff\xfe\x00", False),
        (pages(None, None, None), False),
        (pages(None, None, FAULT), True),
        (pages(FAULT), True),
        (pages(None) + b"cut", False),
    ],
)
def test_partial(body: bytes, expected: bool) -> None:
    assert is_partial(in_pieces(body)) is expected
    assert is_partial([body] if body else []) is expected


def test_only_the_head_of_a_document_is_read() -> None:
    def chunks() -> Any:
        yield b'{"schema":"quire.document/1","status":"partial","pages":['
        yield b"x" * 5000
        raise AssertionError("read further than it must")

    assert is_partial(chunks())


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=9)),
    st.booleans(),
)
def test_leading_members_are_those_before_the_first_container(
    members: dict[str, Any], is_spaced: bool
) -> None:
    text = json.dumps({**members, "last of all": []}, indent=2 if is_spaced else None)
    assert leading_members(text) == members
    assert leading_members(text[:-4]) == members


@pytest.mark.parametrize("text", ["", "{", "[]", "{1: 2}", '{"a"', '{"a": ', "null", '{"a" 1}'])
def test_text_without_members(text: str) -> None:
    assert leading_members(text) == {}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "an empty answer"),
        (b"[1]", "[1]"),
        (b'{"error": "text"}', '{"error": "text"}'),
        (b'{"error": {"message": "no code"}}', '{"error": {"message": "no code"}}'),
        (b"\xff" * 3000, "\ufffd" * 2000),
    ],
)
def test_error_of_another_shape_is_shown_as_it_is(body: bytes, shown: str) -> None:
    assert model_error(body) == ModelError(shown)
