"""How is a reading written in the format that the caller accepts?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from quire.formats.accept import chosen_media_type
from quire.formats.answers import DocumentAnswer, PageAnswer
from quire.words.reading import DocumentReading

JSON = "application/json"
JSON_LINES = "application/jsonlines"
PLAIN_TEXT = "text/plain"
PAGE_BREAK = "\f"

_encoder = msgspec.json.Encoder()


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A response's body and its Content-Type."""

    body: bytes
    content_type: str


def write_reading(reading: DocumentReading, accept: str | None) -> Written:
    """Writes `reading` as the Accept header asks, as JSON where it does not say.
    Raises BadRequest where none of OFFERED_MEDIA_TYPES is acceptable."""
    media_type = chosen_media_type(accept, OFFERED_MEDIA_TYPES)
    charset = "; charset=utf-8" if media_type == PLAIN_TEXT else ""
    return Written(body=_WRITERS[media_type](reading), content_type=media_type + charset)


def _json(reading: DocumentReading) -> bytes:
    return _encoder.encode(DocumentAnswer.of(reading))


def _json_lines(reading: DocumentReading) -> bytes:
    return _encoder.encode_lines([PageAnswer.of(reading, page) for page in reading.pages])


def _plain_text(reading: DocumentReading) -> bytes:
    """Pages with a form feed between them; a failed page is an empty one."""
    return (PAGE_BREAK.join(page.text for page in reading.pages) + "\n").encode()


_WRITERS: dict[str, Callable[[DocumentReading], bytes]] = {
    JSON: _json,
    JSON_LINES: _json_lines,
    "application/x-jsonlines": _json_lines,
    "application/jsonl": _json_lines,
    "application/x-ndjson": _json_lines,
    PLAIN_TEXT: _plain_text,
}

OFFERED_MEDIA_TYPES = tuple(_WRITERS)
"""What `Accept` may name, the default first; the aliases of JSON Lines are answered under their own name."""
