"""The loop of a process that runs a user's handler: take a connection when there is time for it, answer it,
take the next; until SIGTERM, and then until the calls in hand have ended."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from quire.engine.channel import Channel, PeerGone, Sources
from quire.engine.hang_up import CallerGone, HasFileno
from quire.handlers.call_deadlines import CallDeadlines
from quire.handlers.context import InvocationNotes, RequestContext, when_later
from quire.handlers.handler_messages import (
    Answered,
    DeadlineMoved,
    FromFrontEnd,
    Invoke,
    Refused,
    Taken,
    ToFrontEnd,
)
from quire.handlers.handler_signs import HandlerSigns
from quire.handlers.spooling import Spool, SpooledBody
from quire.handlers.user_handler import HandlerAnswer
from quire.words.errors import Fault, HandlerFailed, QuireError
from quire.words.json_lines import log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.handler")

_MOST_BYTES = 1 << 62


class Answers(Protocol):
    """What is run: UserHandler, once it has loaded."""

    def answer(
        self, body: SpooledBody, content_type: str | None, context: RequestContext
    ) -> HandlerAnswer: ...

    def close(self) -> None: ...


class HandlerWorker:
    """Takes connections from `listener`, which is shared with the other workers and does not block, never
    more than `calls_at_once`. One at a time is run in the main thread, where handlers are at home."""

    def __init__(
        self,
        handler: Answers,
        listener: socket.socket,
        settings: Settings,
        signs: HandlerSigns,
        calls_at_once: int,
    ) -> None:
        self._handler = handler
        self._listener = listener
        self._settings = settings
        self._signs = signs
        self._slots = threading.Semaphore(calls_at_once)
        self._pool = ThreadPoolExecutor(calls_at_once, "call") if calls_at_once > 1 else None
        self._deadlines = CallDeadlines()
        self._numbers = itertools.count()
        self._told, self._tell = socket.socketpair()
        self._open: set[socket.socket] = {listener, self._told, self._tell}

    def run(self) -> None:
        """In the main thread."""
        signal.signal(signal.SIGTERM, lambda *_: self._tell.send(b"."))
        os.register_at_fork(after_in_child=self._leave_to_parent)
        self._signs.say_loaded(os.getpid())
        while (connection := self._next()) is not None:
            if self._pool is None:
                self._serve(connection)
            else:
                self._pool.submit(self._serve, connection).add_done_callback(_log_defect)
        self._handler.close()
        if self._pool is not None:
            self._pool.shutdown()

    def _next(self) -> socket.socket | None:
        """None once told to stop."""
        self._slots.acquire()
        sources = Sources(self._told, self._listener)
        while self._told not in sources.readable(None):
            with suppress(BlockingIOError):  # another worker was faster
                return self._listener.accept()[0]
        return None

    def _leave_to_parent(self) -> None:
        """A process that the handler forks must not hold what tells of this one's death."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for held in self._open:
            held.close()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            with closing(connection), suppress(PeerGone, CallerGone):
                self._call(Channel(connection, FromFrontEnd))
        finally:
            self._open.discard(connection)
            self._slots.release()

    def _call(self, front_end: Channel[ToFrontEnd, FromFrontEnd]) -> None:
        """Raises PeerGone or CallerGone when nobody waits for the answer any more."""
        asked = front_end.receive()
        front_end.send(Taken(pid=os.getpid()))
        number = next(self._numbers)

        def move(deadline: float) -> None:
            self._deadlines.move(number, deadline + asked.grace_seconds)
            front_end.send(DeadlineMoved(deadline=deadline))

        with self._deadlines.held(number, asked.deadline + asked.grace_seconds):
            reply = self._reply(asked, _context(asked, self._settings, front_end, move))
        self._signs.say_answered(os.getpid())
        front_end.send(reply)

    def _reply(self, asked: Invoke, context: RequestContext) -> Answered | Refused:
        body = SpooledBody(asked.body, asked.num_bytes, asked.sha256)
        try:
            answer = self._handler.answer(body, asked.content_type, context)
            path = _write(asked.directory, answer.body)
        except (CallerGone, PeerGone):
            raise
        except QuireError as error:
            return _refused(error, context)
        except Exception as error:  # a worker that dies of a request dies of its second try too
            if not asked.directory.exists():  # the front end has taken it away
                raise CallerGone from error
            log_line(log, logging.ERROR, "the handler failed", exc_info=error)
            return _refused(HandlerFailed("the handler failed; the log has the traceback"), context)
        return Answered(
            path=path,
            num_bytes=len(answer.body),
            content_type=answer.content_type,
            status=answer.status,
            reference=context.reference,
            num_pages=context.notes.num_pages,
        )


def _log_defect(call: Future[None]) -> None:
    """What a call that was answered by nobody ended with; in the main thread, it ends the process."""
    if (error := call.exception()) is not None:
        log_line(log, logging.ERROR, "a call broke off", exc_info=error)


def _context(
    asked: Invoke, settings: Settings, caller: HasFileno, move: Callable[[float], None]
) -> RequestContext:
    """The front end hangs up when its own caller does."""
    return RequestContext(
        settings=settings,
        directory=asked.directory,
        received_at=asked.received_at,
        deadline=asked.deadline,
        custom_attributes=asked.custom_attributes,
        accept=asked.accept,
        caller=caller,
        headers=asked.headers,
        notes=InvocationNotes(asked.inference_id, asked.reference, asked.num_bytes),
        on_deadline=when_later(asked.deadline, move),
    )


def _write(directory: Path, body: bytes) -> Path:
    """Raises InsufficientStorage."""
    return Spool(directory, _MOST_BYTES, 0).write(f"answer-{token_hex(8)}", (body,)).path


def _refused(error: QuireError, context: RequestContext) -> Refused:
    return Refused(fault=Fault.of(error), status=error.status, reference=context.reference)
