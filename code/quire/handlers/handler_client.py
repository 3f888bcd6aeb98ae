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

_MAX_DEATHS = 2
"""An invocation whose worker died is handed to another one, once: it may be what killed it."""

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

    def close(self) -> None:
        """The workers have ended: nobody takes or answers an invocation any more."""
        self._is_closed = True

    def invoke(
        self, body: SpooledBody, content_type: str | None, context: RequestContext
    ) -> HandlerAnswerFile:
        """Raises the QuireError that the worker answers with, DeadlineExceeded, HandlerDied, ShuttingDown,
        and CallerGone when the context's caller hangs up."""
        num_deaths = 0
        while num_deaths < _MAX_DEATHS:
            with private_directory(context.directory) as directory:
                run = _Run(
                    self, context, _invoke(body, content_type, context, directory, self._grace_seconds)
                )
                try:
                    return run.answer(self._address)
                except PeerGone:
                    num_deaths += run.pid is not None
                    if self.is_stopping():
                        raise ShuttingDown("the container is stopping; send it again") from None
        raise HandlerDied("the handler's process died twice under this invocation; the log may say why")

    def is_stopping(self) -> bool:
        return self._is_closed or self._is_stopping()


@dataclass
class _Run:
    """One invocation at one worker. `pid` is the worker's, once it has taken it."""

    client: HandlerClient
    context: RequestContext
    invoke: Invoke
    pid: int | None = None
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = self.invoke.deadline

    def answer(self, address: Path) -> HandlerAnswerFile:
        """Raises PeerGone when the worker dies before it has answered, or nobody listens."""
        with contextlib.ExitStack() as stack:
            try:
                worker: Channel[FromFrontEnd, ToFrontEnd] = Channel.connect(address, ToFrontEnd)
                stack.callback(worker.close)
                worker.send(self.invoke)
                return self._wait(worker)
            except PeerGone:
                self._breathe()
                raise
            except DeadlineExceeded:
                if self.pid is not None:
                    _see_off(worker, self.pid)
                    stack.pop_all()
                raise

    def _wait(self, worker: Channel[FromFrontEnd, ToFrontEnd]) -> HandlerAnswerFile:
        while True:
            message = self._receive(worker)
            if isinstance(message, Taken):
                self.pid = message.pid
            elif isinstance(message, DeadlineMoved):
                self.deadline = message.deadline
            else:
                self.context.notes.reference = message.reference or self.context.notes.reference
                return self._end(message)

    def _end(self, message: Answered | Refused) -> HandlerAnswerFile:
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

    def _breathe(self) -> None:
        """Where nobody took it, there is perhaps nobody: the next try is not made at once."""
        if self.pid is None:
            wait_readable(None, self.context.caller, min(self._patience(), _PERIOD_SECONDS))


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


def _see_off(worker: Channel[FromFrontEnd, ToFrontEnd], pid: int) -> None:
    """Takes the connection over. While it is open, `pid` is the worker's and nobody else's."""
    threading.Thread(target=_kill_late, args=(worker, pid), name="late-handler", daemon=True).start()


def _kill_late(worker: Channel[FromFrontEnd, ToFrontEnd], pid: int) -> None:
    with contextlib.closing(worker):
        if not wait_readable(worker, None, KILL_SECONDS):
            log_line(log, logging.WARNING, "a handler worker overran a deadline and is killed", worker=pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
