"""What an error answer says: one JSON object that never shows a traceback."""

from __future__ import annotations

import msgspec

from quire.handlers.context import InvocationNotes
from quire.words.errors import QuireError, writable

JSON = "application/json"

_MAX_MESSAGE_CHARACTERS = 1000


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The members of `error` in the answer."""

    code: str
    message: str
    retryable: bool
    inference_id: str | None
    reference: str | None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The whole answer."""

    error: ErrorBody


def error_json(error: QuireError, notes: InvocationNotes) -> bytes:
    """The answer's body."""
    body = ErrorBody(
        code=error.code,
        message=writable(str(error))[:_MAX_MESSAGE_CHARACTERS],
        retryable=error.retryable,
        inference_id=notes.inference_id,
        reference=notes.reference,
    )
    return msgspec.json.encode(ErrorAnswer(body))
