"""How does a worker end itself whose handler overruns, even where that holds the GIL for ever?"""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

OVERRUN_SECONDS = 2.0
"""So long after nobody waits for the answer any more."""

_STDERR = 2


class CallDeadlines:
    """Of the calls in hand, at several threads perhaps. When the first of them ends too late,
    faulthandler's own thread, which needs no GIL, writes every thread's stack to stderr and ends the process
    with 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, float] = {}

    @contextmanager
    def held(self, call: int, end: float) -> Iterator[None]:
        """For a call by that number, which must have ended at `end`, of time.monotonic()."""
        with self._lock:
            self._ends[call] = end
            self._arm()
        try:
            yield
        finally:
            with self._lock:
                del self._ends[call]
                self._arm()

    def move(self, call: int, end: float) -> None:
        """Of a call that is held. One that has ended binds nobody, though a thread of it may still ask."""
        with self._lock:
            if call in self._ends:
                self._ends[call] = end
                self._arm()

    def _arm(self) -> None:
        if not self._ends:
            faulthandler.cancel_dump_traceback_later()
            return
        seconds = max(0.001, min(self._ends.values()) + OVERRUN_SECONDS - time.monotonic())
        faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
