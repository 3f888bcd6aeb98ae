"""How an error becomes an answer: its status, and one JSON object that never shows a traceback."""

from __future__ import annotations

import msgspec
from flask import Response

from quire.handlers.context import InvocationNotes
from quire.words.errors import QuireError

JSON = "application/json"
CALLER_GONE_STATUS = 499
"""nginx's word for a client that closed its connection. Nobody reads it; the log does."""

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


def error_answer(error: QuireError, notes: InvocationNotes, status: int | None = None) -> Response:
    """`status` stands in place of the error's own for 404 and 405."""
    body = ErrorBody(
        code=error.code,
        message=str(error)[:_MAX_MESSAGE_CHARACTERS],
        retryable=error.retryable,
        inference_id=notes.inference_id,
        reference=notes.reference,
    )
    return Response(msgspec.json.encode(ErrorAnswer(body)), status or error.status, content_type=JSON)
