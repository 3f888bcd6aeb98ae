"""Why is `quire local up` to end, and what is to be shouted until then?"""

from __future__ import annotations

import queue
import signal
import socket
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass

HANG_UP = "SIGHUP: stopping"


@dataclass(frozen=True)
class Note:
    """What its user should know at once, though it goes on."""

    text: str


class Ends:
    """The reasons to end, and notes, in their order."""

    def __init__(self) -> None:
        self._heard: queue.SimpleQueue[str | Note] = queue.SimpleQueue()
        self._signals, self._signals_end = socket.socketpair()
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
        """Of Ctrl-C, SIGTERM, a terminal that is closed, and threads that die of what they did not catch.
        Signals are heard by a thread of their own. A handler needs the main thread, which `wait` holds where
        the kernel gives the signal to another thread, or just before the waiting begins."""
        self._signals_end.setblocking(False)
        signal.set_wakeup_fd(self._signals_end.fileno())
        threading.Thread(target=self._listen, name="signals", daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish
                signal.signal(number, lambda number, frame: None)
        threading.excepthook = self._thread_died

    def _listen(self) -> None:
        while numbers := self._signals.recv(64):
            for number in numbers:
                self.put(f"{signal.Signals(number).name}: stopping")

    def _thread_died(self, what: threading.ExceptHookArgs) -> None:
        thread = what.thread.name if what.thread else "a thread"
        self.fail(f"{thread} died of {what.exc_type.__name__}: {what.exc_value}")
        if what.exc_value is not None:
            with suppress(OSError):
                traceback.print_exception(what.exc_value)
