"""Who ends the containers when the local endpoint is killed before it can?"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

_PROGRAM = Path(__file__).with_name("guard_program.py")

_END_SECONDS = 10.0


class Guard:
    """A process that runs while any container does, and ends those that are left when this process goes
    away, in whatever manner. Threads may call at once."""

    def __init__(self, end_seconds: float = _END_SECONDS) -> None:
        self._end_seconds = end_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._watched: set[str] = set()
        self._lock = threading.Lock()

    def watch(self, *ward: str) -> None:
        """`process MARK SCRATCH`, whose folder goes too, or `container ENGINE NAME`: before it is started.
        Raises OSError."""
        line = "\t".join(ward)
        with self._lock:
            self._watched.add(line)
            try:
                self._tell(f"+{line}\n")
            except BaseException:
                self._watched.discard(line)
                raise

    def forget(self, *ward: str) -> None:
        """Nothing is left of it."""
        line = "\t".join(ward)
        with self._lock:
            self._watched.discard(line)
            if self._process is not None:
                with contextlib.suppress(OSError):  # the next to be watched has the guard started again
                    self._tell(f"-{line}\n")
            if self._process is not None and not self._watched:
                ended, self._process = self._process, None
                _end(ended, self._end_seconds)

    def _tell(self, line: str) -> None:
        """To another that knows all wards, where the one that was told so far has died or none was."""
        if self._process is not None:
            try:
                return _write(self._process, line)
            except BrokenPipeError:
                died, self._process = self._process, None
                _end(died, self._end_seconds)
        self._process = _start()
        return _write(self._process, "".join(f"+{one}\n" for one in self._watched))


GUARD = Guard()
"""One for all launchers of this process."""


def _start() -> subprocess.Popen[bytes]:
    # In a session of its own, so that Ctrl-C does not reach it.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM)], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
    )


def _write(process: subprocess.Popen[bytes], line: str) -> None:
    if process.stdin is None:
        raise AssertionError("its input is a pipe")
    process.stdin.write(line.encode())


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:  # stopped, by whom ever: it has nobody left to end
        process.kill()
        process.wait()
