"""How a request's body comes off its connection: in chunks, to its announced end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gunicorn.http.errors import ParseException

from quire.handlers.spooling import CHUNK_BYTES
from quire.words.errors import BadRequest


def announced_bytes(environ: dict[str, Any]) -> int | None:
    """Content-Length; None for a body in chunks."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() else None


def body_chunks(environ: dict[str, Any]) -> Iterator[bytes]:
    """Raises BadRequest when the body breaks off: its caller hung up, stalled, or garbled the framing."""
    stream = environ["wsgi.input"]
    announced = announced_bytes(environ)
    received = 0
    while chunk := _read(stream):
        received += len(chunk)
        yield chunk
    if announced is not None and received < announced:
        raise BadRequest(f"the body broke off after {received} of {announced} bytes")


def _read(stream: Any) -> bytes:
    try:
        chunk: bytes = stream.read(CHUNK_BYTES)
    except (OSError, ParseException) as error:
        raise BadRequest(f"the body broke off: {type(error).__name__}") from error
    return chunk
