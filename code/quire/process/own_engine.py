"""How does a program get an engine for itself, without a server, and rid of it again?"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from quire.engine.client import EngineClient
from quire.engine.hang_up import CallerGone
from quire.engine.messages import Progress
from quire.engine.watch import EngineWatch
from quire.process.child_programs import child_environ
from quire.words.errors import EngineLost
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest
from quire.words.settings import Settings

_POLL_SECONDS = 0.05
_STOP_SECONDS = 30.0
_MAX_LOG_LINES = 8


class EngineFailed(Exception):
    """The engine did not become ready; the message ends with what it logged last."""


@dataclass(frozen=True)
class OwnEngine:
    """A running engine. `_alive` is a socket that comes to its end when the engine dies."""

    _client: EngineClient
    _alive: socket.socket

    def read(
        self, request: DocumentRequest, deadline: float, on_progress: Callable[[Progress], None]
    ) -> DocumentReading:
        """As EngineClient.read, but raises EngineLost once the engine is dead: nobody restarts it here."""
        try:
            return self._client.read(request, deadline=deadline, caller=self._alive, on_progress=on_progress)
        except CallerGone as error:
            raise EngineLost("the engine died; start again") from error


@contextlib.contextmanager
def own_engine(settings: Settings) -> Iterator[OwnEngine]:
    """Starts an engine, waits until its model is warm, and stops it in the end. Must be entered in the
    main thread: the engine dies with the thread that started it. Raises EngineFailed."""
    with tempfile.TemporaryDirectory(prefix="quire-", dir=settings.scratch) as directory:
        place = Path(directory)
        with (place / "engine.log").open("wb") as log:
            engine = _start(place, log.fileno())
        alive, dead_end = socket.socketpair()
        threading.Thread(target=_close_at_end, args=(engine, dead_end), daemon=True).start()
        try:
            _wait_until_ready(engine, place, settings)
            yield OwnEngine(EngineClient(place / "engine.sock", place), alive)
            engine.terminate()
        except BaseException:
            engine.kill()
            raise
        finally:
            _await_end(engine)
            alive.close()


def _start(place: Path, log_fd: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "quire.process.engine_program", "--parent-pid", str(os.getpid())]
    return subprocess.Popen(
        [*command, "--address", str(place / "engine.sock"), "--scratch", str(place)],
        stdin=subprocess.DEVNULL,
        stdout=log_fd,
        stderr=log_fd,
        env=child_environ(os.environ),
    )


def _close_at_end(engine: subprocess.Popen[bytes], dead_end: socket.socket) -> None:
    engine.wait()
    dead_end.close()


def _wait_until_ready(engine: subprocess.Popen[bytes], place: Path, settings: Settings) -> None:
    watch = EngineWatch(place / "engine.sock", settings.heal_seconds)
    watch.start()
    give_up = time.monotonic() + settings.startup_seconds
    try:
        while not watch.health().is_ready:
            if engine.poll() is not None or time.monotonic() > give_up:
                raise EngineFailed(_last_words(place / "engine.log"))
            time.sleep(_POLL_SECONDS)
    finally:
        watch.stop()


def _last_words(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as lines:
        return "the engine did not start; it said last:\n" + "".join(deque(lines, _MAX_LOG_LINES))


def _await_end(engine: subprocess.Popen[bytes]) -> None:
    try:
        engine.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
