"""Why is `quire local up` to end, and what is to be shouted until then?"""

from __future__ import annotations

import queue
import signal
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

HANG_UP = "SIGHUP: stopping"


@dataclass(frozen=True)
class Note:
    """What its user should know at once, though it goes on."""

    text: str


class Ends:
    """The reasons to end, and notes, in their order. A SimpleQueue, because a signal's handler may put into
    it at any moment."""

    def __init__(self) -> None:
        self._heard: queue.SimpleQueue[str | Note] = queue.SimpleQueue()
        self.failures: list[str] = []

    def put(self, what: str | Note) -> None:
        """A reason, or a note."""
        self._heard.put(what)

    def fail(self, reason: str) -> None:
        self.failures.append(reason)
        self.put("stopping: something failed")

    def wait(self, seconds: float | None = None) -> str | Note | None:
        """None after `seconds`."""
        try:
            return self._heard.get(timeout=seconds)
        except queue.Empty:
            return None

    def hear(self) -> None:
        """Of Ctrl-C, SIGTERM, a terminal that is closed, and threads that die of what they did not catch."""
        signal.signal(signal.SIGINT, self._told)
        signal.signal(signal.SIGTERM, self._told)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup's wish
            signal.signal(signal.SIGHUP, self._told)
        threading.excepthook = self._thread_died

    def _told(self, number: int, frame: FrameType | None) -> None:
        self.put(f"{signal.Signals(number).name}: stopping")

    def _thread_died(self, what: threading.ExceptHookArgs) -> None:
        thread = what.thread.name if what.thread else "a thread"
        self.fail(f"{thread} died of {what.exc_type.__name__}: {what.exc_value}")
        if what.exc_value is not None:
            with suppress(OSError):
                traceback.print_exception(what.exc_value)
