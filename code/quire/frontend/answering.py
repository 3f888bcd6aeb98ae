"""Who makes the answer to an invocation: the built-in handler, here; or a user's, in processes of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from werkzeug.wsgi import FileWrapper

from quire.frontend.gate import Gate
from quire.frontend.headers import deadline_hint
from quire.handlers.context import RequestContext
from quire.handlers.handler_client import HandlerClient
from quire.handlers.loading import Handler
from quire.handlers.spooling import CHUNK_BYTES, SpooledBody
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest


@dataclass(frozen=True)
class MadeAnswer:
    """A whole answer, whose bytes may still lie in a file: `chunks` is closed by whoever has sent it."""

    chunks: Iterable[bytes]
    num_bytes: int
    content_type: str
    status: int = 200


class Answering(Protocol):
    """`max_at_once` is how many invocations it makes use of at the same time."""

    @property
    def max_at_once(self) -> int: ...

    def answer(
        self, body: SpooledBody, content_type: str | None, context: RequestContext, gate: Gate
    ) -> MadeAnswer:
        """What takes long is done inside the gate. Raises QuireError or CallerGone."""

    def close(self) -> None:
        """Nobody will answer any more: ends all waiting. May be called from a signal handler."""


@dataclass(frozen=True)
class BuiltInAnswering:
    """`model` is what the handler's model_fn returned; one that has a `close` is told."""

    handler: Handler
    model: object
    max_at_once: int

    def answer(
        self, body: SpooledBody, content_type: str | None, context: RequestContext, gate: Gate
    ) -> MadeAnswer:
        asked = self.handler.input_fn(body, content_type, context)
        if isinstance(asked, DocumentRequest):
            context = context.with_options(asked.options)
        with gate.entered(context.deadline, context.caller):
            reading = self.handler.predict_fn(asked, self.model, context)
        if isinstance(reading, DocumentReading):
            context.notes.num_pages = len(reading.pages)
        written, media_type = self.handler.output_fn(reading, context.accept, context)
        return MadeAnswer((written,), len(written), media_type)

    def close(self) -> None:
        close = getattr(self.model, "close", None)
        if callable(close):
            close()


@dataclass(frozen=True)
class WorkersAnswering:
    """Hands everything to the handler workers: no code of a user's runs here."""

    client: HandlerClient
    max_at_once: int

    def answer(
        self, body: SpooledBody, content_type: str | None, context: RequestContext, gate: Gate
    ) -> MadeAnswer:
        seconds = deadline_hint(context.custom_attributes)
        if seconds is not None:
            context = replace(context, deadline=context.received_at + seconds)
        with gate.entered(context.deadline, context.caller):
            answer = self.client.invoke(body, content_type, context)
        chunks = FileWrapper(answer.file, CHUNK_BYTES)
        return MadeAnswer(chunks, answer.num_bytes, answer.content_type, answer.status)

    def close(self) -> None:
        self.client.close()
