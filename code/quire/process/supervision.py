"""What the supervisor does when something happens: a pure object, to which time is an argument.

A child that dies is started again: at once, then later and later; after too many deaths within the
window, or one that says that starting again cannot help, the container ends with 1. When told to stop,
the engine drains first, then the front end goes, and the container ends with 0.
"""

from __future__ import annotations

import enum
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_DEATHS = 5
MIN_WINDOW_SECONDS = 60.0
RESTART_DELAYS_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0)

STOP_SECONDS = 24.3
"""From SIGTERM to the last SIGKILL: the container is gone within 25 s, the platform waits for 30."""
CLOSE_SECONDS = 3.0
REAP_SECONDS = 0.5
DRAIN_GRACE_SECONDS = 2.0


class Child(enum.Enum):
    """The supervisor's own two."""

    ENGINE = "engine"
    FRONT_END = "front end"


FATAL_EXITS: Mapping[Child, frozenset[int]] = {
    Child.ENGINE: frozenset({70}),
    Child.FRONT_END: frozenset({3, 4}),
}
"""Exit codes after which starting again cannot help: the engine program's EXIT_FATAL, and gunicorn's
WORKER_BOOT_ERROR and APP_LOAD_ERROR."""


@dataclass(frozen=True)
class Died:
    """`exit_code` is negative for a signal, as in subprocess."""

    child: Child
    exit_code: int


@dataclass(frozen=True)
class StopRequested:
    """SIGTERM, SIGINT or SIGQUIT."""


@dataclass(frozen=True)
class TimePassed:
    """`wake_at` has come."""


Event = Died | StopRequested | TimePassed


@dataclass(frozen=True)
class Start:
    """Spawn the child."""

    child: Child


@dataclass(frozen=True)
class Send:
    """Signal the child."""

    child: Child
    signal: signal.Signals


@dataclass(frozen=True)
class End:
    """The container ends. `reason` is empty when it was told to."""

    exit_code: int
    reason: str


Action = Start | Send | End


class Phase(enum.Enum):
    """Where the container's life stands."""

    SERVING = "serving"
    DRAINING = "draining"
    CLOSING = "closing"
    ENDED = "ended"


@dataclass
class _Record:
    """One child's past."""

    is_running: bool = False
    restart_at: float | None = None
    deaths: deque[float] = field(default_factory=deque)


class Supervision:
    """`step` takes what happened and says what to do; `wake_at` says when time alone is an event."""

    def __init__(self, drain_seconds: float, heal_seconds: float) -> None:
        self.phase = Phase.SERVING
        self._drain_seconds = drain_seconds
        self._window_seconds = max(MIN_WINDOW_SECONDS, heal_seconds)
        self._records = {child: _Record() for child in Child}
        self._kill_at: float | None = None
        self._last_kill_at = float("inf")
        self._outcome = End(0, "")
        self._are_killed = False

    def begin(self, now: float) -> list[Action]:
        return [self._start(child) for child in Child]

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
        if self.phase is Phase.DRAINING:
            return self._close(now)
        return self._end_when_alone()

    def _mourn(self, now: float, event: Died, record: _Record) -> list[Action]:
        record.deaths.append(now)
        while record.deaths[0] < now - self._window_seconds:
            record.deaths.popleft()
        name = event.child.value
        if event.exit_code in FATAL_EXITS[event.child]:
            return self._fail(now, f"the {name} gave up (exit code {event.exit_code}): see its log lines")
        if len(record.deaths) > MAX_DEATHS:
            return self._fail(
                now, f"the {name} died {len(record.deaths)} times; last {cause(event.exit_code)}"
            )
        delay = RESTART_DELAYS_SECONDS[min(len(record.deaths), len(RESTART_DELAYS_SECONDS)) - 1]
        if delay == 0.0:
            return [self._start(event.child)]
        record.restart_at = now + delay
        return []

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
        if not self._records[Child.ENGINE].is_running:
            return self._close(now)
        self.phase = Phase.DRAINING
        self._forget_restarts()
        drained_at = now + self._drain_seconds + DRAIN_GRACE_SECONDS
        self._kill_at = min(drained_at, self._last_kill_at - DRAIN_GRACE_SECONDS)
        return [Send(Child.ENGINE, signal.SIGTERM)]

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
            return [Send(Child.ENGINE, signal.SIGKILL), *self._close(now)]
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


def cause(exit_code: int) -> str:
    """How a child ended, in words."""
    if exit_code >= 0:
        return f"with exit code {exit_code}"
    try:
        return f"by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"by signal {-exit_code}"
