"""A worker process, started by exec, and the channel to it, whose end is the worker's death."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from typing import Any

from quire.engine.channel import Channel

LAST_WORDS_SECONDS = 5.0
"""How long a process that closed its channel may take to end: its exit status tells why."""

UNKILLABLE_SECONDS = 5.0
"""How long one that was killed may."""


class Child:
    """A started program that inherits one end of a socket pair and, perhaps, the arena.

    Its argv ends with `--channel-fd N --parent-pid P`, and `--arena-fd N` where there is an arena.
    """

    def __init__(self, argv: Sequence[str], receives: Any, *, arena_fd: int | None = None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        fds = [theirs.fileno()] + ([] if arena_fd is None else [arena_fd])
        options = ["--channel-fd", str(theirs.fileno()), "--parent-pid", str(os.getpid())]
        if arena_fd is not None:
            options += ["--arena-fd", str(arena_fd)]
        with theirs:
            self._process = subprocess.Popen([*argv, *options], pass_fds=fds, stdin=subprocess.DEVNULL)
        self.channel: Channel[Any, Any] = Channel.from_fd(ours.detach(), receives)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def status(self) -> int:
        """Frees what belonged to the child, which has ended, and returns its exit status; below zero is the
        signal that killed it. One that is stuck in the kernel cannot be waited for: it is left to its
        fate."""
        self.channel.close()
        status = self._process.poll()
        return -signal.SIGKILL if status is None else status

    def reap(self) -> int:
        """Kills it, waits a while for that to happen, and does as `status`."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(UNKILLABLE_SECONDS)
        return self.status()
