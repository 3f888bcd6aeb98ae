"""A worker that does not end when it is killed, as one that is stuck in a call into the kernel."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from quire.engine.child import Child
from quire.engine.messages import FromRenderer


class ChildStuckInTheKernel(Child):
    """What should kill it stops it: it is still there, and all that it holds is still open."""

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def free(self) -> None:
        super().kill()
        self._process.wait()
        self.channel.close()


@contextmanager
def stuck_child(program: str) -> Iterator[ChildStuckInTheKernel]:
    """One that runs `program`, of Python, until it is killed."""
    child = ChildStuckInTheKernel((sys.executable, "-c", program), FromRenderer)
    try:
        yield child
    finally:
        child.free()
