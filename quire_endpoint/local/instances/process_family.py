"""Which processes belong to one container, and how do all of them end?"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "LOCAL_ENDPOINT_INSTANCE"
"""The environment variable that names the instance: every descendant inherits it, whatever its parent."""

_PROCESSES = Path("/proc")

_PAUSE_SECONDS = 0.01

PATIENCE_SECONDS = 30.0
"""One that waits for a disk or a GPU driver ends when that answers, if ever, and one that has become another
user's may not be ended by us."""


class ProcessFamily:
    """A process started as the first of its session, and everything below it: its process group, its session,
    and whoever has the mark in its environment. Where there is no /proc it is the group alone. A process that
    leaves the session and drops its environment escapes."""

    def __init__(self, leader: int, mark: str) -> None:
        self._leader, self._mark = leader, mark

    def kill(self) -> None:
        """SIGKILL to everyone who is there now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader, signal.SIGKILL)
        _kill(self._others())

    def extinguish(self, patience_seconds: float = PATIENCE_SECONDS) -> list[int]:
        """Returns when nobody is left but the leader, which has ended and was not reaped yet: its number
        stays its own until then. Those that are still there when patience has ended, by their numbers."""
        until = time.monotonic() + patience_seconds
        self.kill()
        while (others := self._others()) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
            _kill(others)
        return others

    def _others(self) -> list[int]:
        """Alive, without the leader."""
        return [
            pid
            for pid, session in _alive()
            if pid != self._leader and (session == self._leader or _has(pid, self._mark))
        ]


def kill_marked(mark: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """SIGKILL to everyone who has the mark, and to all of their sessions, until nobody is left or patience
    has ended."""
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until and (
        sessions := {session for pid, session in _alive() if _has(pid, mark)}
    ):
        _kill([pid for pid, session in _alive() if session in sessions])
        time.sleep(_PAUSE_SECONDS)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _alive() -> Iterator[tuple[int, int]]:
    """Every process that is not a zombie, with its session."""
    if not _PROCESSES.is_dir():
        return
    for place in _PROCESSES.iterdir():
        if not place.name.isdecimal():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            # As bytes: a process may call itself anything, and Linux cuts its name within a character.
            fields = (place / "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] not in b"ZX":
                yield int(place.name), int(fields[3])


def _has(pid: int, mark: str) -> bool:
    try:
        environment = (_PROCESSES / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False  # it has ended, or is another user's
    return f"{MARK}={mark}".encode() in environment.split(b"\0")
