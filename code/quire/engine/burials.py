"""Workers that have closed their channel and are ending: waited for without holding anybody up, since
their exit status tells why, and their device is free only once they are gone."""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from quire.engine.child import LAST_WORDS_SECONDS, UNKILLABLE_SECONDS
from quire.engine.connections import Process

_LOOK_AGAIN_SECONDS = 0.1
"""How often one is looked at whose end nothing announces."""


@dataclass(eq=False)
class _Burial:
    """Its time is up at `due_at`; it is looked at again at `look_at`, which is no later."""

    process: Process
    ended: Callable[[int], None]
    due_at: float
    look_at: float
    pidfd: int | None
    is_killed: bool = False


class Burials:
    """One that does not end by itself is killed; one that even that does not end, stuck in the kernel, is
    left to its fate."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._burials: list[_Burial] = []

    def begin(self, process: Process, ended: Callable[[int], None], now: float) -> None:
        """`ended` is called with the exit status, below zero the signal that killed it, in a later turn."""
        pidfd = _pidfd(process.child.pid)
        due_at = now + LAST_WORDS_SECONDS
        burial = _Burial(process, ended, due_at, now if pidfd is None else due_at, pidfd)
        self._burials.append(burial)
        if pidfd is not None:
            self._selector.register(pidfd, selectors.EVENT_READ, partial(self._end, burial))

    @property
    def next_wakeup(self) -> float | None:
        return min((burial.look_at for burial in self._burials), default=None)

    def check(self, now: float) -> None:
        for burial in [burial for burial in self._burials if burial.look_at <= now]:
            is_due = burial.due_at <= now
            if burial.process.child.has_ended or (is_due and burial.is_killed):
                self._end(burial)
                continue
            if is_due:
                burial.is_killed = True
                burial.due_at = now + UNKILLABLE_SECONDS
                burial.process.kill()
            again_at = now + _LOOK_AGAIN_SECONDS if burial.pidfd is None else burial.due_at
            burial.look_at = min(again_at, burial.due_at)

    def _end(self, burial: _Burial) -> None:
        self._burials.remove(burial)
        if burial.pidfd is not None:
            self._selector.unregister(burial.pidfd)
            os.close(burial.pidfd)
        burial.ended(burial.process.child.status())

    def end_all(self) -> None:
        """The engine ends."""
        for burial in self._burials:
            burial.process.child.reap()


def _pidfd(pid: int) -> int | None:
    """Readable once the process has ended; None where it was reaped already, the kernel has none, or no
    descriptor is left."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
