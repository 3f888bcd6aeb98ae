"""Who the supervisor's children are, what can happen to them, and what can be done about it."""

from __future__ import annotations

import enum
import signal
from collections.abc import Mapping
from dataclasses import dataclass


class Role(enum.Enum):
    """What a child is for. Its value is its name in sentences."""

    ENGINE = "engine"
    HANDLER_WORKER = "handler worker"
    FRONT_END = "front end"


@dataclass(frozen=True)
class Child:
    """One of the supervisor's own. There may be several handler workers, told apart by number."""

    role: Role
    number: int = 0

    @property
    def name(self) -> str:
        return self.role.value


ENGINE, FRONT_END = Child(Role.ENGINE), Child(Role.FRONT_END)

FATAL_EXITS: Mapping[Role, frozenset[int]] = {
    Role.ENGINE: frozenset({70}),
    Role.HANDLER_WORKER: frozenset({4}),
    Role.FRONT_END: frozenset({3, 4}),
}
"""Exit codes after which starting again cannot help: the engine program's EXIT_FATAL, the handler program's
EXIT_CANNOT_LOAD, and gunicorn's WORKER_BOOT_ERROR and APP_LOAD_ERROR."""


@dataclass(frozen=True)
class Died:
    """`exit_code` is negative for a signal, as in subprocess. Of handler workers it is known how far this
    life came: one that answered is no sign that another start would not help; and whether others have loaded,
    who may live."""

    child: Child
    exit_code: int
    had_loaded: bool = False
    had_answered: bool = False
    others_loaded: bool = False


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


def cause(exit_code: int) -> str:
    """How a child ended, in words."""
    if exit_code >= 0:
        return f"with exit code {exit_code}"
    try:
        return f"by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"by signal {-exit_code}"
