"""The running model server, owned: watched while it serves, drained and ended when told to, and nothing of it
left behind."""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from quire.frontend.mms_place import MmsPlace
from quire.process.mms_health import Trouble
from quire.words.json_lines import log_line

log = logging.getLogger("quire.mms")

TICK_SECONDS = 0.2
QUIET_SECONDS = 0.5
"""For the last call's answer on its way from the worker to its caller."""

TERMINATE_SECONDS = 1.0
"""From the server's SIGTERM to its SIGKILL: nothing is in its hands any more."""

_BURIAL_SECONDS = 5.0


class MmsServer:
    """Stands in the toolkit's hands for the server's process: it has a pid and can be waited for.

    `trouble` is asked again and again, with the time. Calls in hand when SIGTERM comes have `drain_seconds`
    to end.
    """

    def __init__(
        self, place: MmsPlace, trouble: Callable[[float], Trouble | None], drain_seconds: float
    ) -> None:
        self._place = place
        self._trouble = trouble
        self._drain_seconds = drain_seconds
        self._stop_at: float | None = None
        self._kill_at: float | None = None
        self._busy_at = 0.0
        self.pid = 0
        self.was_told_to_stop = False
        self.trouble: Trouble | None = None

    def find(self) -> MmsServer:
        """What the toolkit calls until it does not raise: it would take any such server on the machine."""
        self.pid = int(self._place.server_pid.read_text())
        return self

    def wait(self) -> None:
        """Until the server has ended, by itself or by us. In the main thread: takes the signals over from the
        toolkit, which would end the server at SIGTERM, whatever is in its hands."""
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            server = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            poll = select.poll()
            poll.register(server, select.POLLIN)
            while not poll.poll(TICK_SECONDS * 1000):
                self._tick(time.monotonic())
        finally:
            os.close(server)

    def _stop(self) -> None:
        if not self.was_told_to_stop:
            self.was_told_to_stop = True
            self._busy_at = time.monotonic()
            self._stop_at = self._busy_at + self._drain_seconds

    def _tick(self, now: float) -> None:
        if self._kill_at is not None:
            if now >= self._kill_at:
                self._send(signal.SIGKILL)
        elif self._stop_at is not None:
            if now >= self._stop_at or self._is_quiet(now):
                self._kill_at = now + TERMINATE_SECONDS
                self._send(signal.SIGTERM)
        elif (trouble := self._trouble(now)) is not None:
            self.trouble = trouble
            self._kill_at = now
        self._sweep()
        _reap()

    def _is_quiet(self, now: float) -> bool:
        if self._has_calls():
            self._busy_at = now
        return now - self._busy_at >= QUIET_SECONDS

    def _has_calls(self) -> bool:
        """Each call in a worker's hand has a directory."""
        return any(True for folder in self._place.scratches().values() for _ in folder.glob("invocation-*"))

    def _sweep(self) -> None:
        """What workers that died have left."""
        for pid, folder in self._place.scratches().items():
            if not Path(f"/proc/{pid}").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def bury_descendants() -> None:
    """Kills and reaps all that is below this process, which adopts orphans. One that is stuck in the kernel
    is not waited for."""
    until = time.monotonic() + _BURIAL_SECONDS
    while (left := children()) and time.monotonic() < until:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(0.01)
    if left:
        log_line(log, logging.WARNING, "processes of the model server are left", pids=left)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def children() -> list[int]:
    """Of this process, whichever of its threads started them."""
    tasks = Path("/proc/self/task").iterdir()
    return [int(word) for task in tasks for word in (task / "children").read_text().split()]
