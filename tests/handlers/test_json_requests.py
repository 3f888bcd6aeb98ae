"""application/json invocations: strict fields, and base64 of any size without its memory."""

from __future__ import annotations

import base64
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from quire.handlers.json_requests import JsonRequest, base64_chunks, read_json_request
from quire.handlers.spooling import CHUNK_BYTES
from quire.words.errors import BadRequest


def read(tmp_path: Path, body: bytes) -> JsonRequest:
    path = tmp_path / "body"
    path.write_bytes(body)
    return read_json_request(path)


def refused(tmp_path: Path, body: bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        read(tmp_path, body)
    return str(caught.value)


def test_all_fields(tmp_path: Path) -> None:
    asked = read(
        tmp_path,
        b'{"document": {"s3_uri": "s3://b/k", "media_type": "application/pdf", "password": "p\\u00e9"},'
        b' "options": {"dpi": 150, "strict": true, "pages": "1-3", "ref": "r"}}',
    )
    assert (asked.s3_uri, asked.media_type, asked.password) == ("s3://b/k", "application/pdf", "pé")
    assert asked.options is not None
    assert (asked.options.dpi, asked.options.strict, asked.options.reference) == (150, True, "r")


def test_what_may_be_left_out_or_null(tmp_path: Path) -> None:
    asked = read(tmp_path, b'{"document": {"base64": "QUJD", "password": null}, "options": null}')
    assert (asked.media_type, asked.password, asked.options) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", "empty"),
        (b"{", "the body"),
        (b"[]", "the body"),
        (b"\xff", "the body"),
        (b"{}", "document"),
        (b'{"document": {}}', "exactly one of s3_uri and base64"),
        (b'{"document": {"s3_uri": "s3://b/k", "base64": ""}}', "exactly one of s3_uri and base64"),
        (b'{"document": {"base64": "", "colour": 1}}', "colour"),
        (b'{"document": {"base64": ""}, "option": {}}', "option"),
        (b'{"document": {"base64": ""}, "options": {"color": 1}}', "color"),
        (b'{"document": {"base64": ""}, "options": []}', "options"),
        (b'{"document": {"s3_uri": 7}}', "document.s3_uri"),
        (b'{"document": {"s3_uri": null}}', "document.s3_uri"),
        (b'{"document": {"base64": "", "password": 7}}', "document.password"),
        (b'{"document": {"base64": "", "media_type": "%s"}}' % (b"x" * 70_000), "document.media_type"),
        (b'{"document": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    ],
    ids=range(16),
)
def test_what_is_wrong_is_named(tmp_path: Path, body: bytes, names: str) -> None:
    message = refused(tmp_path, body)
    assert names in message
    assert len(message) < 500


def test_a_password_is_never_in_the_message(tmp_path: Path) -> None:
    message = refused(tmp_path, b'{"document": {"base64": "", "password": ["secret"]}}')
    assert "secret" not in message


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=400), st.booleans(), st.booleans())
def test_base64_is_decoded_however_it_is_escaped(content: bytes, is_wrapped: bool, is_slashed: bool) -> None:
    text = (base64.encodebytes(content) if is_wrapped else base64.b64encode(content)).decode()
    quoted = json.dumps(text)
    raw = Raw((quoted.replace("/", "\\/") if is_slashed else quoted).encode())
    assert b"".join(base64_chunks(raw)) == content


@pytest.mark.parametrize("extra", range(-3, 4))
@pytest.mark.parametrize("separator", ["", "\\n", "\\/"])
def test_no_chunks_border_is_special(extra: int, separator: str) -> None:
    before = "A" * (CHUNK_BYTES + extra - (CHUNK_BYTES + extra) % 4 - 4)
    slashes = "////" if separator == "" else separator * 4 if separator == "\\/" else "AAAA" + separator
    text = "A" * (extra % 4) + before + slashes
    text += "A" * (-len(text.replace("\\n", "").replace("\\/", "/")) % 4)
    plain = text.replace("\\n", "").replace("\\/", "/")
    assert b"".join(base64_chunks(Raw(f'"{text}"'.encode()))) == base64.b64decode(plain)


@pytest.mark.parametrize(
    "text",
    [
        "QUJ",
        "QUJD=",
        "QUI=QUJD",
        "QU JD",
        "Q\\u0055JD",
        "QUJ\\\\",
        "data:a/b;base64,QUJD",
        "Q=JD",
        "====",
        "QUJé",
    ],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"document\.base64"):
        list(base64_chunks(Raw(f'"{text}"'.encode())))


@pytest.mark.parametrize("value", [b"7", b"null", b"{}", b"[]"])
def test_base64_must_be_a_text(value: bytes) -> None:
    with pytest.raises(BadRequest, match="not a text"):
        list(base64_chunks(Raw(value)))


def test_padding_in_the_middle_is_seen_across_chunks() -> None:
    text = b"A" * (CHUNK_BYTES - 4) + b"QUI=" + b"QUJD"
    with pytest.raises(BadRequest, match="after the padding"):
        list(base64_chunks(Raw(b'"' + text + b'"')))


def test_a_large_document_costs_no_memory(tmp_path: Path) -> None:
    content = os.urandom(30_000_000)
    path = tmp_path / "body"
    path.write_bytes(b'{"document": {"base64": "%s"}}' % base64.b64encode(content))
    tracemalloc.start()
    num_bytes = sum(len(chunk) for chunk in base64_chunks(raw_of(read_json_request(path))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert num_bytes == len(content)
    assert peak < 8 * CHUNK_BYTES


def raw_of(asked: JsonRequest) -> Any:
    assert asked.base64 is not None
    return asked.base64
