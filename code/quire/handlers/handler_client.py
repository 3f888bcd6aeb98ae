"""The front end's side of the handler workers: hand over an invocation, wait, get its answer or one typed
error, whatever the handler does to the process that it runs in."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from quire.engine.channel import Channel, PeerGone
from quire.engine.hang_up import wait_readable
from quire.handlers.call_turns import Beside, CallTurns, Turn
from quire.handlers.context import RequestContext
from quire.handlers.handler_messages import (
    Answered,
    DeadlineMoved,
    FromFrontEnd,
    Invoke,
    Refused,
    Taken,
    ToFrontEnd,
)
from quire.handlers.spooling import SpooledBody, private_directory
from quire.words.errors import DeadlineExceeded, HandlerDied, QuireError, ShuttingDown
from quire.words.json_lines import log_line

log = logging.getLogger("quire.frontend")

_MAX_DEATHS, _MAX_DEATHS_IN_COMPANY = 2, 3
"""An invocation whose worker died is handed to another one, once: it may be what killed it. One that was not
alone with both is handed to a third, alone."""

_PERIOD_SECONDS = 0.2
"""How often one that no worker has taken yet looks whether the container stops."""

KILL_SECONDS = 5.0
"""A worker that nobody waits for any more ends itself; after so long it is killed."""


@dataclass(frozen=True)
class HandlerAnswerFile:
    """An answer, open and already without a name: its bytes are gone once it is closed."""

    file: BinaryIO
    num_bytes: int
    content_type: str
    status: int


class HandlerClient:
    """Cheap to share between threads: each invocation has a connection of its own.

    `address` is the socket at which whichever worker has time takes the next connection. `grace_seconds` is
    how long past the deadline an answer is still waited for.
    """

    def __init__(self, address: Path, grace_seconds: float, is_stopping: Callable[[], bool]) -> None:
        self._address = address
        self._grace_seconds = grace_seconds
        self._is_stopping = is_stopping
        self._is_closed = False
        self._turns = CallTurns()

    def close(self) -> None:
        """The workers have ended: nobody takes or answers an invocation any more."""
        self._is_closed = True

    def invoke(
        self, body: SpooledBody, content_type: str | None, context: RequestContext
    ) -> HandlerAnswerFile:
        """Raises the QuireError that the worker answers with, DeadlineExceeded, HandlerDied, ShuttingDown,
        and CallerGone when the context's caller hangs up."""
        num_deaths, beside = 0, Beside.ANYONE
        while True:
            with private_directory(context.directory) as directory:
                invoke = _invoke(body, content_type, context, directory, self._grace_seconds)
                run = _Run(self, context, invoke)
                try:
                    return run.answer(self._address, self._turns, beside)
                except PeerGone:
                    if self.is_stopping():
                        raise ShuttingDown("the container is stopping; send it again") from None
            if run.pid is not None:
                num_deaths += 1
                beside = _next_company(num_deaths, run.was_alone)

    def is_stopping(self) -> bool:
        return self._is_closed or self._is_stopping()


@dataclass
class _Run:
    """One invocation at one worker. `pid` is the worker's, once it has taken it; `was_alone` whether it had
    that worker for itself."""

    client: HandlerClient
    context: RequestContext
    invoke: Invoke
    pid: int | None = None
    was_alone: bool = True
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = self.invoke.deadline

    def answer(self, address: Path, turns: CallTurns, beside: Beside) -> HandlerAnswerFile:
        """Raises PeerGone when the worker dies before it has answered, or nobody listens."""
        with contextlib.ExitStack() as held:
            turn = held.enter_context(turns.taken(beside, self._patience_for_turn))
            try:
                worker = self._connect(address)
                held.callback(worker.close)
                worker.send(self.invoke)
                reply = self._wait(worker, turns, turn)
            except PeerGone:
                self.was_alone = turn.was_alone
                self._breathe()
                raise
            except DeadlineExceeded:
                if self.pid is not None:
                    _see_off(worker, self.pid, held.pop_all())
                raise
            return self._end(reply)

    def _connect(self, address: Path) -> Channel[FromFrontEnd, ToFrontEnd]:
        """Neither a full backlog nor a worker that reads nothing holds the caller up."""
        seconds = min(self._patience(), _PERIOD_SECONDS)
        return Channel.connect(address, ToFrontEnd, send_seconds=seconds)

    def _wait(
        self, worker: Channel[FromFrontEnd, ToFrontEnd], turns: CallTurns, turn: Turn
    ) -> Answered | Refused:
        while True:
            message = self._receive(worker)
            if isinstance(message, Taken):
                self.pid = message.pid
                turns.meet(turn, message.pid)
            elif isinstance(message, DeadlineMoved):
                self.deadline = message.deadline
            else:
                return message

    def _end(self, message: Answered | Refused) -> HandlerAnswerFile:
        self.context.notes.reference = message.reference or self.context.notes.reference
        if isinstance(message, Refused):
            raise _error(message)
        self.context.notes.num_pages = message.num_pages
        return HandlerAnswerFile(
            message.path.open("rb"), message.num_bytes, message.content_type, message.status
        )

    def _receive(self, worker: Channel[FromFrontEnd, ToFrontEnd]) -> ToFrontEnd:
        while True:
            if wait_readable(worker, self.context.caller, self._patience()):
                return worker.receive()
            if self.pid is None and self.client.is_stopping():
                raise ShuttingDown("the container is stopping and takes nothing new; send it again")

    def _patience(self) -> float:
        """How long to wait now. Raises DeadlineExceeded."""
        grace = 0.0 if self.pid is None else self.invoke.grace_seconds
        remaining = self.deadline + grace - time.monotonic()
        if remaining <= 0:
            place = "no handler was free" if self.pid is None else "the handler did not answer"
            raise DeadlineExceeded(f"{place} before the deadline")
        return remaining if self.pid is not None else min(remaining, _PERIOD_SECONDS)

    def _patience_for_turn(self) -> float:
        """Raises DeadlineExceeded, ShuttingDown and CallerGone."""
        wait_readable(None, self.context.caller, 0.0)
        if self.client.is_stopping():
            raise ShuttingDown("the container is stopping and takes nothing new; send it again")
        return self._patience()

    def _breathe(self) -> None:
        """Where nobody took it, there is perhaps nobody: the next try is not made at once."""
        if self.pid is None:
            wait_readable(None, self.context.caller, min(self._patience(), _PERIOD_SECONDS))


def _next_company(num_deaths: int, was_alone: bool) -> Beside:
    """Raises HandlerDied where the last death is the invocation's doing."""
    if num_deaths >= (_MAX_DEATHS if was_alone else _MAX_DEATHS_IN_COMPANY):
        raise HandlerDied("the handler's process died again under this invocation; the log may say why")
    if was_alone:
        return Beside.ANYONE
    return Beside.NO_SUSPECT if num_deaths < _MAX_DEATHS else Beside.NOBODY


def _invoke(
    body: SpooledBody,
    content_type: str | None,
    context: RequestContext,
    directory: Path,
    grace_seconds: float,
) -> Invoke:
    return Invoke(
        directory=directory,
        body=body.path,
        num_bytes=body.num_bytes,
        sha256=body.sha256,
        content_type=content_type,
        accept=context.accept,
        custom_attributes=context.custom_attributes,
        headers=dict(context.headers),
        inference_id=context.inference_id,
        reference=context.reference,
        received_at=context.received_at,
        deadline=context.deadline,
        grace_seconds=grace_seconds,
    )


def _error(refused: Refused) -> QuireError:
    error = refused.fault.error()
    error.status, error.retryable = refused.status, refused.fault.retryable
    return error


def _see_off(
    worker: Channel[FromFrontEnd, ToFrontEnd], pid: int, held: contextlib.ExitStack[bool | None]
) -> None:
    """Takes the connection and the turn over: who is with that worker is with a call that hangs. While the
    connection is open, `pid` is the worker's and nobody else's."""
    threading.Thread(target=_kill_late, args=(worker, pid, held), name="late-handler", daemon=True).start()


def _kill_late(
    worker: Channel[FromFrontEnd, ToFrontEnd], pid: int, held: contextlib.ExitStack[bool | None]
) -> None:
    with held:
        if not wait_readable(worker, None, KILL_SECONDS):
            log_line(log, logging.WARNING, "a handler worker overran a deadline and is killed", worker=pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
