"""How the caller's hang-up is seen while something else is waited for."""

from __future__ import annotations

import math
import select
from typing import Protocol

HANG_UP = select.POLLRDHUP | select.POLLHUP | select.POLLERR
"""Poll events of a peer that is gone. Never POLLIN: a pipelined request is no hang-up."""


class CallerGone(Exception):
    """Nobody waits for the answer any more."""


class HasFileno(Protocol):
    """A socket, a channel, an HTTP connection."""

    def fileno(self) -> int: ...


def wait_readable(source: HasFileno | int | None, caller: HasFileno | None, timeout_seconds: float) -> bool:
    """Whether `source` is readable, or at its end, within the time. Raises CallerGone."""
    poll = select.poll()
    if source is not None:
        poll.register(source, select.POLLIN)
    if caller is not None:
        poll.register(caller, HANG_UP)
    ready = dict(poll.poll(math.ceil(max(0.0, timeout_seconds) * 1000)))
    if caller is not None and caller.fileno() in ready:
        raise CallerGone
    return bool(ready)


def has_hung_up(caller: HasFileno) -> bool:
    """Asks, and does not wait."""
    try:
        return wait_readable(None, caller, 0.0)
    except CallerGone:
        return True
