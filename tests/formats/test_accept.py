"""Which media type answers which Accept header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.formats.accept import chosen_media_type
from quire.words.errors import BadRequest

OFFERED = ("application/json", "application/jsonlines", "text/plain")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("  ", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/plain"),
        ("APPLICATION/JSON", "application/json"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("text/plain;charset=latin-1;q=0.9, application/json;q=0.1", "text/plain"),
        ("application/json;q=0.1, text/plain", "text/plain"),
        ("text/plain;q=0.5, application/json;q=0.5", "application/json"),
        ("text/plain, */*;q=0.1", "text/plain"),
        ("text/html, */*;q=0.8", "application/json"),
        ("application/json;q=0, */*", "application/jsonlines"),
        ("application/*;q=0.9, application/json;q=0.1", "application/jsonlines"),
    ],
)
def test_accept_chooses(accept: str | None, expected: str) -> None:
    assert chosen_media_type(accept, OFFERED) == expected


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "garbage", ",,", "*"])
def test_nothing_acceptable_names_what_is_offered(accept: str) -> None:
    with pytest.raises(BadRequest, match="application/json, application/jsonlines, text/plain"):
        chosen_media_type(accept, OFFERED)


@given(st.text(max_size=200))
def test_any_header_ends_in_an_offer_or_a_bad_request(accept: str) -> None:
    try:
        assert chosen_media_type(accept, OFFERED) in OFFERED
    except BadRequest as error:
        assert len(str(error)) < 1000
