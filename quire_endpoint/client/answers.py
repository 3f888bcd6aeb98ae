"""What does the container's answer say: all of it, a part, or why not?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from quire_endpoint.client.outcomes import ModelError

DOCUMENT, PAGE = "quire.document/1", "quire.page/1"
_SHOWN_CHARACTERS = 2000
_HEAD_BYTES = 4096


def model_error(body: bytes) -> ModelError:
    """Of {"error": {"code", "message", "retryable"}}, as Quire's container writes it; of anything else its
    beginning."""
    try:
        said = json.loads(body)["error"]
        return ModelError(str(said["message"]), str(said["code"]), said.get("retryable") is True)
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = body[:_SHOWN_CHARACTERS].decode(errors="replace").strip()
        return ModelError(shown or "an empty answer")


def is_json(body: bytes) -> bool:
    """Whether a program wrote it for programs."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def is_partial(chunks: Iterable[bytes]) -> bool:
    """Whether a page of a Quire answer is an error. Reads no further than it must: a document says so in its
    first members, of pages as JSON lines each is looked at. Other formats cannot say."""
    unread = iter(chunks)
    head = next(unread, b"")
    while len(head) < _HEAD_BYTES and (more := next(unread, b"")):
        head += more
    members = leading_members(head.decode(errors="ignore"))
    if members.get("schema") == PAGE:
        return any(_has_error(line) for line in _lines(head, unread))
    return members.get("schema") == DOCUMENT and members.get("status") == "partial"


def leading_members(text: str) -> dict[str, Any]:
    """The members at the beginning of a JSON object, as far as they are texts, numbers and the like, though
    the text may be cut off further on."""
    members: dict[str, Any] = {}
    place = _skip(text, 0, "{")
    while place is not None:
        name, place = _value(text, place)
        place = None if place is None or not isinstance(name, str) else _skip(text, place, ":")
        if place is None or text[place : place + 1] in ("{", "["):
            break
        value, place = _value(text, place)
        if place is not None:
            members[str(name)] = value
            place = _skip(text, place, ",")
    return members


def _value(text: str, place: int) -> tuple[Any, int | None]:
    try:
        return json.JSONDecoder().raw_decode(text, place)
    except json.JSONDecodeError:
        return None, None


def _skip(text: str, place: int, mark: str) -> int | None:
    """Behind the mark and the white space around it; None where something else stands there."""
    place = len(text) - len(text[place:].lstrip())
    if not text.startswith(mark, place):
        return None
    return len(text) - len(text[place + len(mark) :].lstrip())


def _has_error(line: bytes) -> bool:
    try:
        page = json.loads(line)
    except ValueError:
        return False
    return isinstance(page, dict) and page.get("error") is not None


def _lines(head: bytes, unread: Iterator[bytes]) -> Iterator[bytes]:
    pending = head
    for chunk in unread:
        *whole, pending = (pending + chunk).split(b"\n")
        yield from whole
    yield from pending.split(b"\n")
