"""How an error becomes Flask's answer: its status, and one JSON object."""

from __future__ import annotations

from flask import Response

from quire.frontend.error_bodies import JSON, error_json
from quire.handlers.context import InvocationNotes
from quire.words.errors import QuireError

__all__ = ["CALLER_GONE_STATUS", "JSON", "error_answer"]

CALLER_GONE_STATUS = 499
"""nginx's word for a client that closed its connection. Nobody reads it; the log does."""


def error_answer(error: QuireError, notes: InvocationNotes, status: int | None = None) -> Response:
    """`status` stands in place of the error's own for 404 and 405."""
    return Response(error_json(error, notes), status or error.status, content_type=JSON)
