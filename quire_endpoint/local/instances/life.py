"""What is one instance doing, and what does each thing that happens to it lead to?"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from quire_endpoint.local.ports import InstanceView


class Phase(enum.StrEnum):
    """As `InstanceView` names them, and the end."""

    PROVISIONING = "provisioning"
    DOWNLOADING = "downloading"
    STARTING = "starting"
    IN_SERVICE = "in service"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    GONE = "gone"


class Act(enum.Enum):
    """What is to be done for an instance, by who runs it."""

    CLAIM = enum.auto()
    """Ask for a machine: `claimed` or `refused` is the answer."""
    PREPARE = enum.auto()
    """Fetch the model and launch: `model_ready`, `launched` and `ended` follow, or `ended` alone."""
    CANCEL = enum.auto()
    """Give the fetching up; `ended` follows all the same, and `launched` may yet come before it."""
    PING = enum.auto()
    """Begin to ask: `pinged` follows, again and again."""
    TERMINATE = enum.auto()
    KILL = enum.auto()
    TELL_IN_SERVICE = enum.auto()
    TELL_LEAVING = enum.auto()
    TELL_GONE = enum.auto()


@dataclass(frozen=True)
class Spans:
    """How long things may take, in seconds of the clock that `now` comes from."""

    provision_seconds: float
    startup_seconds: float
    stop_seconds: float
    refused_seconds: float
    pings_failed_to_replace: int


class Life:
    """One instance from its order to its end. Pure: every call takes the time and returns what to do."""

    def __init__(self, instance_id: str, now: float, not_before: float, spans: Spans) -> None:
        self.instance_id = instance_id
        self.phase, self.since = Phase.PROVISIONING, now
        self.deadline: float | None = not_before + spans.provision_seconds
        """When `tick` has something to do."""
        self.port: int | None = None
        self.pid: int | None = None
        self.warning: str | None = None
        self.cause = ""
        """Why it ended, once it has."""
        self.ping_failure = "it was not asked"
        """What the last ping met with that counted."""
        self.in_service_since: float | None = None
        self.is_draining = self.has_missed_startup = False
        self.is_told = False
        """Whether it goes because it was told to."""
        self._is_killed = False
        self._pings_failed = 0
        self._spans = spans

    @property
    def is_launched(self) -> bool:
        return self.port is not None

    @property
    def is_counted(self) -> bool:
        """Whether it stands for one of the desired instances."""
        leaving = (Phase.UNHEALTHY, Phase.STOPPING, Phase.GONE)
        return self.phase not in leaving and not self.is_draining

    def view(self) -> InstanceView:
        """As the page shows it."""
        return InstanceView(
            self.instance_id, self.phase.value, self.since, self.port, self.pid, (), self.warning
        )

    def tick(self, now: float) -> list[Act]:
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        if self.phase is Phase.PROVISIONING:
            return [Act.CLAIM]
        if self.phase is Phase.STARTING:
            self.has_missed_startup = True
            self._enter(Phase.UNHEALTHY, now)
        return [Act.KILL]

    def claimed(self, now: float) -> list[Act]:
        if self.phase is not Phase.PROVISIONING:
            return []
        self._enter(Phase.DOWNLOADING, now)
        return [Act.PREPARE]

    def refused(self, now: float) -> list[Act]:
        """No machine is to be had: asked again later."""
        if self.phase is Phase.PROVISIONING:
            self.deadline = now + self._spans.refused_seconds
        return []

    def model_ready(self, now: float) -> list[Act]:
        if self.phase is Phase.DOWNLOADING:
            self._enter(Phase.STARTING, now)
        return []

    def launched(self, port: int, pid: int | None, now: float) -> list[Act]:
        """The startup window begins here. One that was given up meanwhile is stopped now."""
        self.port, self.pid = port, pid
        if self.phase is Phase.STARTING:
            self.deadline = now + self._spans.startup_seconds
            return [Act.PING]
        return [Act.KILL] if self._is_killed else self._terminated(now)

    def pinged(self, failure: str | None, now: float) -> list[Act]:
        """`failure` is None where /ping answered 200 in time."""
        if self.phase in (Phase.STARTING, Phase.IN_SERVICE):
            self.ping_failure = failure or "none"
        if self.phase is Phase.STARTING and failure is None:
            self.deadline, self.in_service_since = None, now
            self._enter(Phase.IN_SERVICE, now)
            return [Act.TELL_IN_SERVICE]
        if self.phase is not Phase.IN_SERVICE:
            return []
        self._pings_failed = self._pings_failed + 1 if failure else 0
        if self._pings_failed < self._spans.pings_failed_to_replace:
            return []
        self._enter(Phase.UNHEALTHY, now)
        return [*self._leaving(), Act.KILL]

    def ended(self, cause: str, now: float) -> list[Act]:
        """No process of it is left, or none was ever started."""
        if self.phase is Phase.UNHEALTHY:
            cause = f"unhealthy (ping: {self.ping_failure}), {cause}"
        self.cause, self.deadline = cause, None
        self._enter(Phase.GONE, now)
        return [] if self.in_service_since is None else [Act.TELL_GONE]

    def drain(self) -> list[Act]:
        """No more work for it; it is stopped later."""
        if self.phase is not Phase.IN_SERVICE or self.is_draining:
            return []
        acts = self._leaving()
        self.is_draining = True
        return acts

    def stop(self, now: float) -> list[Act]:
        """SIGTERM, and SIGKILL when its time is over."""
        if self.phase in (Phase.UNHEALTHY, Phase.STOPPING, Phase.GONE):
            return []
        told = self._leaving() if self.phase is Phase.IN_SERVICE else []
        return [*told, *(self._given_up(now) or (self._terminated(now) if self.is_launched else []))]

    def kill(self, now: float) -> list[Act]:
        """As a machine dies: nobody is warned."""
        if self.phase is Phase.GONE:
            return []
        self._is_killed = True
        return self._given_up(now) or ([Act.KILL] if self.is_launched else [])

    def _given_up(self, now: float) -> list[Act]:
        before, self.is_told, self.deadline = self.phase, True, None
        self._enter(Phase.GONE if before is Phase.PROVISIONING else Phase.STOPPING, now)
        is_fetching = before in (Phase.DOWNLOADING, Phase.STARTING) and not self.is_launched
        return [Act.CANCEL] if is_fetching else []

    def _leaving(self) -> list[Act]:
        return [] if self.is_draining else [Act.TELL_LEAVING]

    def _terminated(self, now: float) -> list[Act]:
        self.deadline = now + self._spans.stop_seconds
        return [Act.TERMINATE]

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase, self.since = phase, now
