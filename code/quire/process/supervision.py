"""What the supervisor does when something happens: a pure object, to which time is an argument.

A child that dies is started again: at once, then later and later; after too many deaths within the
window, or one that says that starting again cannot help, the container ends with 1. When told to stop,
the handler workers drain first, then the engine, then the front end goes, and the container ends with 0.
"""

from __future__ import annotations

import enum
import signal
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from quire.process.children import (
    FATAL_EXITS,
    Action,
    Child,
    Died,
    End,
    Event,
    Role,
    Send,
    Start,
    StopRequested,
    cause,
)

MAX_DEATHS = 5
MAX_HANDLER_DEATHS = 8
"""Of lives in which no call was answered: four poisonous requests in a row, each of which is tried twice, are
survived, as a device worker survives them."""
MAX_UNLOADED_DEATHS = 3
"""Of one handler worker, while none has ever loaded. No window: a model that hangs, or for which the machine
has no memory, may take minutes to die of it."""
MIN_WINDOW_SECONDS = 60.0
RESTART_DELAYS_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0)

STOP_SECONDS = 24.3
"""From SIGTERM to the last SIGKILL: the container is gone within 25 s, the platform waits for 30."""
CLOSE_SECONDS = 3.0
REAP_SECONDS = 0.5
DRAIN_GRACE_SECONDS = 2.0


DRAINS = (Role.HANDLER_WORKER, Role.ENGINE)
"""Who is given time to end what is in hand, one after another: a handler's call may need the engine."""


class Phase(enum.Enum):
    """Where the container's life stands."""

    SERVING = "serving"
    DRAINING = "draining"
    CLOSING = "closing"
    ENDED = "ended"


@dataclass
class _Record:
    """One child's past. What has loaded once may do so again, whatever its program says of a later start."""

    is_running: bool = False
    had_loaded: bool = False
    restart_at: float | None = None
    num_deaths: int = 0
    deaths: deque[float] = field(default_factory=deque)


class Supervision:
    """`step` takes what happened and says what to do; `wake_at` says when time alone is an event."""

    def __init__(
        self,
        drain_seconds: float,
        heal_seconds: float,
        children: Iterable[Child],
        drains: Sequence[Role] = DRAINS,
    ) -> None:
        self.phase = Phase.SERVING
        self._drain_seconds = drain_seconds
        self._window_seconds = max(MIN_WINDOW_SECONDS, heal_seconds)
        self._records = {child: _Record() for child in children}
        self._kill_at: float | None = None
        self._last_kill_at = float("inf")
        self._outcome = End(0, "")
        self._are_killed = False
        self._drains = drains
        self._told: Role | None = None
        self._has_handler_loaded = False

    def begin(self, now: float) -> list[Action]:
        return [self._start(child) for child in self._records]

    def wake_at(self) -> float | None:
        """None when only an event can change anything."""
        times = [record.restart_at for record in self._records.values()] + [self._kill_at]
        return min((time for time in times if time is not None), default=None)

    def step(self, now: float, event: Event) -> list[Action]:
        if isinstance(event, Died):
            return self._died(now, event)
        if isinstance(event, StopRequested):
            return self._stop(now)
        return self._time_passed(now)

    def _died(self, now: float, event: Died) -> list[Action]:
        record = self._records[event.child]
        record.is_running = False
        if self.phase is Phase.SERVING:
            return self._mourn(now, event, record)
        if self.phase is not Phase.DRAINING:
            return self._end_when_alone()
        return self._drain(now) if event.child.role in self._drains else self._close(now)

    def _mourn(self, now: float, event: Died, record: _Record) -> list[Action]:
        record.had_loaded |= event.had_loaded
        self._has_handler_loaded |= event.had_loaded or event.others_loaded
        if event.had_answered:
            record.deaths.clear()
        record.num_deaths += 1
        record.deaths.append(now)
        while record.deaths[0] < now - self._window_seconds:
            record.deaths.popleft()
        name = event.child.name
        if event.exit_code in FATAL_EXITS[event.child.role] and not record.had_loaded:
            return self._fail(now, f"the {name} gave up (exit code {event.exit_code}): see its log lines")
        if reason := self._hopeless(event, record):
            return self._fail(now, f"the {name} {reason}; last {cause(event.exit_code)}")
        delay = RESTART_DELAYS_SECONDS[min(len(record.deaths), len(RESTART_DELAYS_SECONDS)) - 1]
        if delay == 0.0:
            return [self._start(event.child)]
        record.restart_at = now + delay
        return []

    def _hopeless(self, event: Died, record: _Record) -> str:
        """Why another start would not help; empty where it may."""
        num_deaths = len(record.deaths)
        if event.child.role is not Role.HANDLER_WORKER:
            return f"died {num_deaths} times" if num_deaths > MAX_DEATHS else ""
        if not self._has_handler_loaded and record.num_deaths >= MAX_UNLOADED_DEATHS:
            return f"died {record.num_deaths} times before any handler had loaded"
        return f"died {num_deaths} times" if num_deaths > MAX_HANDLER_DEATHS else ""

    def _start(self, child: Child) -> Start:
        self._records[child].is_running, self._records[child].restart_at = True, None
        return Start(child)

    def _fail(self, now: float, reason: str) -> list[Action]:
        self._outcome = End(1, reason)
        return self._close(now)

    def _stop(self, now: float) -> list[Action]:
        if self.phase is not Phase.SERVING:
            return []
        self._last_kill_at = now + STOP_SECONDS
        self.phase = Phase.DRAINING
        self._forget_restarts()
        drained_at = now + self._drain_seconds + DRAIN_GRACE_SECONDS
        self._kill_at = min(drained_at, self._last_kill_at - DRAIN_GRACE_SECONDS)
        return self._drain(now)

    def _drain(self, now: float) -> list[Action]:
        """Tells the next role once those before have ended; closes when all have."""
        draining = self._draining()
        if not draining:
            return self._close(now)
        if draining[0].role is self._told:
            return []
        self._told = draining[0].role
        return [Send(child, signal.SIGTERM) for child in draining]

    def _draining(self) -> list[Child]:
        """Those who drain now: all that run of the first role that has any."""
        running = self._running()
        each = ([child for child in running if child.role is role] for role in self._drains)
        return next((children for children in each if children), [])

    def _close(self, now: float) -> list[Action]:
        self.phase = Phase.CLOSING
        self._forget_restarts()
        self._kill_at = min(now + CLOSE_SECONDS, self._last_kill_at)
        return [Send(child, signal.SIGTERM) for child in self._running()] + self._end_when_alone()

    def _end_when_alone(self) -> list[Action]:
        if self.phase is not Phase.CLOSING or self._running():
            return []
        self.phase, self._kill_at = Phase.ENDED, None
        return [self._outcome]

    def _time_passed(self, now: float) -> list[Action]:
        if self._kill_at is not None and now >= self._kill_at:
            return self._kill(now)
        due = [child for child, record in self._records.items() if (record.restart_at or now + 1) <= now]
        return [self._start(child) for child in due]

    def _kill(self, now: float) -> list[Action]:
        """Who is late. A child that even SIGKILL does not end, stuck in the kernel, is not waited for."""
        if self.phase is Phase.DRAINING:
            return [Send(child, signal.SIGKILL) for child in self._draining()] + self._close(now)
        if self._are_killed:
            self.phase, self._kill_at = Phase.ENDED, None
            return [self._outcome]
        self._are_killed = True
        self._kill_at = now + REAP_SECONDS
        return [Send(child, signal.SIGKILL) for child in self._running()]

    def _running(self) -> list[Child]:
        return [child for child, record in self._records.items() if record.is_running]

    def _forget_restarts(self) -> None:
        for record in self._records.values():
            record.restart_at = None
