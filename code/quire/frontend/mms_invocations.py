"""One invocation as a worker of multi-model-server answers it: the body is in memory already, and becomes the
spooled file that handlers know."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quire.frontend import headers
from quire.frontend.error_bodies import JSON, error_json
from quire.handlers.call_deadlines import CallDeadlines
from quire.handlers.context import InvocationNotes, RequestContext, when_later
from quire.handlers.spooling import CHUNK_BYTES, SpooledBody, private_directory
from quire.handlers.user_handler import HandlerAnswer
from quire.words.errors import HandlerFailed, QuireError, UnsupportedMediaType
from quire.words.json_lines import log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.frontend")

ENGINE_GRACE_SECONDS = 6.0
"""The engine's own answer at the deadline, perhaps with some of the pages, is waited for five. A handler with
a model of its own, which knows no deadline, has no grace: its worker ends itself."""


class Answers(Protocol):
    """A handler that has loaded."""

    def answer(
        self, body: SpooledBody, content_type: str | None, context: RequestContext
    ) -> HandlerAnswer: ...


@dataclass(frozen=True)
class LoadedHandler:
    """Who answers, and whether the engine is asked for it."""

    answers: Answers
    needs_engine: bool


@dataclass
class _Course:
    """How one invocation went, for its log line."""

    notes: InvocationNotes
    received_at: float
    error: QuireError | None = None


class MmsInvocations:
    """One at a time: multi-model-server gives a worker its next request when it has answered the last.
    `scratch` is the worker's own."""

    def __init__(self, settings: Settings, loaded: LoadedHandler, scratch: Path) -> None:
        self._settings = settings
        self._handler = loaded.answers
        self._grace_seconds = ENGINE_GRACE_SECONDS if loaded.needs_engine else 0.0
        self._scratch = scratch
        self._deadlines = CallDeadlines()

    def answer(self, body: bytearray | None, given: Mapping[str, str]) -> HandlerAnswer:
        """Never raises. `body` is emptied once it is spooled, which frees its memory; None where
        multi-model-server took it apart."""
        environ = _environ(given)
        course = _Course(_notes(environ), time.monotonic())
        try:
            answer = self._answer(body, environ, given, course)
        except QuireError as error:
            course.error = error
            answer = HandlerAnswer(error_json(error, course.notes), JSON, error.status)
        _log(course, answer.status)
        return answer

    def _answer(
        self, body: bytearray | None, environ: dict[str, str], given: Mapping[str, str], course: _Course
    ) -> HandlerAnswer:
        with private_directory(self._scratch) as directory:
            context = self._context(directory, environ, given, course)
            with self._deadlines.held(0, context.deadline + self._grace_seconds):
                spooled = context.spool.write("body", _chunks(body))
                context.notes.num_bytes = spooled.num_bytes
                return self._ask(spooled, environ.get("HTTP_CONTENT_TYPE"), context)

    def _ask(self, body: SpooledBody, content_type: str | None, context: RequestContext) -> HandlerAnswer:
        try:
            return self._handler.answer(body, content_type, context)
        except QuireError:
            raise
        except Exception as error:
            log_line(log, logging.ERROR, "the handler failed", exc_info=error)
            raise HandlerFailed("the handler failed; the log has the traceback") from error

    def _context(
        self, directory: Path, environ: dict[str, str], given: Mapping[str, str], course: _Course
    ) -> RequestContext:
        attributes = headers.custom_attributes(environ)
        seconds = headers.deadline_hint(attributes) or self._settings.deadline_seconds
        deadline = course.received_at + seconds
        return RequestContext(
            settings=self._settings,
            directory=directory,
            received_at=course.received_at,
            deadline=deadline,
            custom_attributes=attributes,
            accept=environ.get("HTTP_ACCEPT"),
            headers=given,
            notes=course.notes,
            on_deadline=when_later(
                deadline, lambda later: self._deadlines.move(0, later + self._grace_seconds)
            ),
        )


def _environ(given: Mapping[str, str]) -> dict[str, str]:
    """As WSGI spells headers: whatever capitals the caller chose."""
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in given.items()}


def _notes(environ: dict[str, str]) -> InvocationNotes:
    return InvocationNotes(
        inference_id=headers.inference_id(environ),
        reference=headers.reference_hint(headers.custom_attributes(environ)),
    )


def _chunks(body: bytearray | None) -> Iterator[bytes]:
    if body is None:
        raise UnsupportedMediaType(
            "multi-model-server takes forms apart: send the body itself, or set QUIRE_MODEL_SERVER=gunicorn"
        )
    for start in range(0, len(body), CHUNK_BYTES):
        yield bytes(body[start : start + CHUNK_BYTES])
    body.clear()


def _log(course: _Course, status: int) -> None:
    log_line(
        log,
        logging.INFO if status < 499 else logging.WARNING,
        "invocation",
        inference_id=course.notes.inference_id,
        reference=course.notes.reference,
        status=status,
        code=course.error.code if course.error else None,
        bytes=course.notes.num_bytes,
        pages=course.notes.num_pages,
        milliseconds=round((time.monotonic() - course.received_at) * 1000, 1),
    )
