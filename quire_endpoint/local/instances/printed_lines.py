"""What does a program print, line by line, until the last of its processes is gone?"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

_READ_BYTES = 1 << 16

MAX_LINE_BYTES = 256 * 1024
"""A longer line comes in parts: CloudWatch Logs takes no larger event."""


class PrintedLines:
    """Reads a pipe on a thread of its own and passes each line on, without its end. Other bytes than UTF-8
    are replaced."""

    def __init__(self, pipe: int, on_line: Callable[[str], None], name: str) -> None:
        self._pipe, self._on_line = pipe, on_line
        self._stop_read, self._stop_write = os.pipe()
        # Not select(): it takes no descriptor above 1023, which an endpoint with many clients hands out.
        self._waiting = select.poll()
        for source in (pipe, self._stop_read):
            self._waiting.register(source, select.POLLIN)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Returns when everything that was printed so far has been passed on, though a process that escaped
        may hold the pipe's other end."""
        os.close(self._stop_write)
        self._thread.join()
        os.close(self._stop_read)

    def _run(self) -> None:
        rest = b""
        while block := self._read():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._pass_on(line)
            if len(rest) >= MAX_LINE_BYTES:
                self._pass_on(rest)
                rest = b""
        if rest:
            self._pass_on(rest)

    def _read(self) -> bytes:
        """Empty at the pipe's end, and once it is to finish and nothing waits."""
        ready = [source for source, _ in self._waiting.poll()]
        return os.read(self._pipe, _READ_BYTES) if self._pipe in ready else b""

    def _pass_on(self, line: bytes) -> None:
        for start in range(0, max(1, len(line)), MAX_LINE_BYTES):
            part = line[start : start + MAX_LINE_BYTES]
            self._on_line(part.decode(errors="replace").rstrip("\r"))
