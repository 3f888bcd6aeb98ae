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


@dataclass(eq=False)
class _Burial:
    process: Process
    ended: Callable[[int], None]
    due_at: float
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
        burial = _Burial(process, ended, now + LAST_WORDS_SECONDS, _pidfd(process.child.pid))
        self._burials.append(burial)
        if burial.pidfd is None:
            burial.due_at = now
        else:
            self._selector.register(burial.pidfd, selectors.EVENT_READ, partial(self._end, burial))

    @property
    def next_wakeup(self) -> float | None:
        return min((burial.due_at for burial in self._burials), default=None)

    def check(self, now: float) -> None:
        for burial in [burial for burial in self._burials if burial.due_at <= now]:
            if burial.is_killed or burial.process.child.has_ended:
                self._end(burial)
            else:
                burial.is_killed = True
                burial.due_at = now + UNKILLABLE_SECONDS
                burial.process.kill()

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
    """Readable once the process has ended; None where it was reaped already, or the kernel has none."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
