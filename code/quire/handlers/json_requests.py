"""What an application/json invocation asks for: `{"document": {...}, "options": {...}}`.

The body is mapped from its file and cut into raw pieces that still lie in that file, so a document of
any size inside it costs no memory; only the small fields are ever decoded.
"""

from __future__ import annotations

import binascii
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from quire.handlers.spooling import CHUNK_BYTES
from quire.words.errors import BadRequest
from quire.words.request import ReadOptions

MAX_FIELD_BYTES = 64 * 1024
_MAX_REASON_CHARACTERS = 200

T = TypeVar("T")


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    document: Raw
    options: Raw | UnsetType = UNSET


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    s3_uri: Raw | UnsetType = UNSET
    base64: Raw | UnsetType = UNSET
    media_type: Raw | UnsetType = UNSET
    password: Raw | UnsetType = UNSET


@dataclass(frozen=True)
class JsonRequest:
    """Either `s3_uri` or `base64` is there; `options` is None when the body has none."""

    s3_uri: str | None
    base64: Raw | None
    media_type: str | None
    password: str | None
    options: ReadOptions | None


def read_json_request(path: Path) -> JsonRequest:
    """Raises BadRequest naming the field at fault."""
    envelope = _decode("the body", _mapped(path), _Envelope)
    document = _decode("document", envelope.document, _Document)
    if (document.s3_uri is UNSET) == (document.base64 is UNSET):
        raise BadRequest("document: exactly one of s3_uri and base64 is needed")
    options = _small("options", envelope.options, dict[str, object])
    s3_uri = _small("document.s3_uri", document.s3_uri, str)
    if document.s3_uri is not UNSET and s3_uri is None:
        raise BadRequest("document.s3_uri: null is not a text")
    return JsonRequest(
        s3_uri=s3_uri,
        base64=None if isinstance(document.base64, UnsetType) else document.base64,
        media_type=_small("document.media_type", document.media_type, str),
        password=_small("document.password", document.password, str),
        options=None if options is None else ReadOptions.from_mapping(options),
    )


def base64_chunks(text: Raw) -> Iterator[bytes]:
    """The bytes behind a JSON string of base64, about a mebibyte at a time. Raises BadRequest."""
    rest, is_padded = b"", False
    for piece in _without_escapes(text):
        if is_padded and piece:
            raise BadRequest("document.base64: there is text after the padding")
        rest += piece
        whole = len(rest) - len(rest) % 4
        quads, rest = rest[:whole], rest[whole:]
        is_padded = quads.endswith(b"=")
        yield _decoded(quads)
    if rest:
        raise BadRequest("document.base64: its length is not a multiple of four; is its padding missing?")


def _decoded(quads: bytes) -> bytes:
    try:
        return binascii.a2b_base64(quads, strict_mode=True)
    except binascii.Error as error:
        raise BadRequest(f"document.base64: {error}") from error


def _without_escapes(text: Raw) -> Iterator[bytes]:
    """The string's characters. Some writers escape `/`, and some wrap base64 in lines."""
    view = memoryview(text)
    if view[:1].tobytes() != b'"':
        raise BadRequest("document.base64: it is not a text")
    characters = view[1:-1]
    held = b""
    for start in range(0, len(characters), CHUNK_BYTES):
        piece = held + characters[start : start + CHUNK_BYTES].tobytes()
        held = b"\\" if piece.endswith(b"\\") else b""
        piece = piece[: len(piece) - len(held)]
        if b"\\" in piece:
            piece = piece.replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")
        yield piece


def _small(name: str, value: Raw | UnsetType, kind: type[T]) -> T | None:
    if isinstance(value, UnsetType):
        return None
    if len(memoryview(value)) > MAX_FIELD_BYTES:
        raise BadRequest(f"{name}: it is longer than {MAX_FIELD_BYTES} bytes")
    if bytes(value) == b"null":
        return None
    return _decode(name, value, kind)


def _decode(name: str, text: Raw | memoryview, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{name}: {str(error)[:_MAX_REASON_CHARACTERS]}") from error


def _mapped(path: Path) -> memoryview:
    """The file's bytes, mapped, for as long as a piece of them is held."""
    with path.open("rb") as file:
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError as error:
            raise BadRequest("the body: it is empty, and not a JSON object") from error
