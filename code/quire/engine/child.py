"""A worker process, started by exec, and the channel to it, whose end is the worker's death."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from typing import Any

from quire.engine.channel import Channel

LAST_WORDS_SECONDS = 1.0
UNKILLABLE_SECONDS = 5.0
"""How long a process that closed its channel may take to end: its exit status tells why."""


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

    def reap(self) -> int:
        """Frees what belonged to the child and returns its exit status; below zero is the signal that
        killed it. A child that closed its channel and does not end by itself is killed."""
        try:
            status = self._process.wait(LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._wait_for_the_killed()
        self.channel.close()
        return status

    def _wait_for_the_killed(self) -> int:
        """A process that is stuck in the kernel cannot be waited for: it is left to its fate."""
        try:
            return self._process.wait(UNKILLABLE_SECONDS)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
