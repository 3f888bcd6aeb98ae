"""Whose fault is a failure, and is it worth another try? The roots of the tree in errors.py."""

from __future__ import annotations

from typing import ClassVar

_PASSING_STATUSES = (502, 503, 504, 507)
"""Whoever answers one of these says that the same request may succeed later."""


class QuireError(Exception):
    """A failure with a stable `code`; `str(error)` is written for the caller and says what to do.
    `status` and `retryable` are the class's, save where a handler chose a status of its own."""

    status: int = 500
    code: ClassVar[str] = "internal_error"
    retryable: bool = False

    def __init__(self, message: str = "", status: int | None = None) -> None:
        super().__init__(message)
        if status is not None:
            self.status, self.retryable = status, status in _PASSING_STATUSES


def writable(text: str) -> str:
    """`text` as UTF-8 can write it: a lone surrogate, which a caller's JSON may bring, is escaped."""
    return text.encode(errors="backslashreplace").decode()


class CallerError(QuireError):
    """The request cannot be served however often it is sent."""

    status = 400
    code = "bad_request"


class ServerError(QuireError):
    """The fault is ours."""


class RetryableError(ServerError):
    """Sending the same request again may well succeed."""

    status = 503
    code = "unavailable"
    retryable = True
