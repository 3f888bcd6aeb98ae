"""The front end: three routes, each of which only translates."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from quire.engine.hang_up import CallerGone
from quire.engine.watch import HealthSource
from quire.frontend import headers
from quire.frontend.answering import Answering, MadeAnswer
from quire.frontend.answers import CALLER_GONE_STATUS, JSON, error_answer
from quire.frontend.arrivals import Arrivals
from quire.frontend.bodies import announced_bytes, body_chunks
from quire.frontend.gate import Gate
from quire.frontend.request_log import log_request
from quire.handlers.context import InvocationNotes, RequestContext
from quire.handlers.spooling import private_directory
from quire.words.errors import BadRequest, InternalError, QuireError
from quire.words.settings import MEBIBYTE, Settings

log = logging.getLogger("quire.frontend")

EXTENSION = "quire"
BATCH_TRANSFORM_MOST_MEBIBYTES = 100


class ExecutionParameters(msgspec.Struct, frozen=True):
    """What Batch Transform asks before it begins; the names are the platform's."""

    MaxConcurrentTransforms: int
    BatchStrategy: str
    MaxPayloadInMB: int


class FrontEnd:
    """The routes' state. `scratch` is this process's own."""

    def __init__(self, settings: Settings, answering: Answering, watch: HealthSource, scratch: Path) -> None:
        self._settings = settings
        self._answering = answering
        self._watch = watch
        self._scratch = scratch
        self._arrivals = Arrivals(settings.max_threads, settings.max_concurrent_invocations)
        self._gate = Gate(answering.max_at_once, watch.health)
        watch.subscribe(lambda health: self._gate.refresh())

    def close(self) -> None:
        """Ends all waiting with ShuttingDown, before the engine and for one that is gone. May be called from
        a signal handler."""
        self._gate.close()
        self._answering.close()

    def ping(self) -> Response:
        return Response(status=200 if self._watch.health().is_healthy else 503)

    def execution_parameters(self) -> Response:
        most = min(self._settings.max_body_bytes // MEBIBYTE, BATCH_TRANSFORM_MOST_MEBIBYTES)
        parameters = ExecutionParameters(
            self._settings.max_concurrent_invocations, "SINGLE_RECORD", max(1, most)
        )
        return Response(msgspec.json.encode(parameters), content_type=JSON)

    def invocations(self) -> Response:
        received_at = time.monotonic()
        notes = g.notes = _notes(request.environ)
        with self._arrivals.arrive() as g.crowd, private_directory(self._scratch) as directory:
            made = self._answer(self._context(received_at, directory, notes))
        response = Response(made.chunks, made.status, content_type=made.content_type)
        response.content_length = made.num_bytes
        return response

    def _context(self, received_at: float, directory: Path, notes: InvocationNotes) -> RequestContext:
        return RequestContext(
            settings=self._settings,
            directory=directory,
            received_at=received_at,
            deadline=received_at + self._settings.deadline_seconds,
            custom_attributes=headers.custom_attributes(request.environ),
            accept=request.environ.get("HTTP_ACCEPT"),
            caller=request.environ.get("gunicorn.socket"),
            headers=dict(request.headers),
            notes=notes,
        )

    def _answer(self, context: RequestContext) -> MadeAnswer:
        context.spool.check(announced_bytes(request.environ))
        body = context.spool.write("body", context.before_deadline(body_chunks(request.environ)))
        context.notes.num_bytes = body.num_bytes
        return self._answering.answer(body, request.environ.get("CONTENT_TYPE"), context, self._gate)


def create_app(settings: Settings, answering: Answering, watch: HealthSource, scratch: Path) -> Flask:
    """The WSGI app; its FrontEnd is `app.extensions["quire"]`. `watch` need not be started yet."""
    app = Flask("quire", static_folder=None)
    app.url_map.merge_slashes = False
    front_end = FrontEnd(settings, answering, watch, scratch)
    app.extensions[EXTENSION] = front_end
    _route(app, "GET", "/ping", front_end.ping)
    _route(app, "GET", "/execution-parameters", front_end.execution_parameters)
    _route(app, "POST", "/invocations", front_end.invocations)
    app.register_error_handler(QuireError, _answer_error)
    app.register_error_handler(CallerGone, _answer_nobody)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_defect)
    app.before_request(_start_clock)
    app.after_request(log_request)
    return app


def _route(app: Flask, method: str, path: str, view: Any) -> None:
    app.add_url_rule(path, path, view, methods=[method], provide_automatic_options=False)


def _start_clock() -> None:
    g.started_at = time.monotonic()


def _notes(environ: dict[str, Any]) -> InvocationNotes:
    return InvocationNotes(
        inference_id=headers.inference_id(environ),
        reference=headers.reference_hint(headers.custom_attributes(environ)),
    )


def _noted() -> InvocationNotes:
    notes: InvocationNotes = g.get("notes") or InvocationNotes()
    return notes


def _answer_error(error: QuireError) -> Response:
    g.error_code = error.code
    return error_answer(error, _noted())


def _answer_nobody(error: CallerGone) -> Response:
    g.error_code = "caller_gone"
    return Response(status=CALLER_GONE_STATUS)


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    answer = error_answer(BadRequest(f"{request.method} {request.path[:80]}: {error.name}"), _noted(), status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _answer_defect(error: Exception) -> Response:
    g.error_code, g.defect = InternalError.code, error
    return error_answer(InternalError("a defect of the container; its log has the traceback"), _noted())
