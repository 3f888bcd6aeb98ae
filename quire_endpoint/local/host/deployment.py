"""Which fleet serves an endpoint, which comes, which go, and what status is that?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quire_endpoint.local.host.gate import Gate
from quire_endpoint.local.ports import Fleet
from quire_endpoint.local.specs import EndpointSpec, EndpointStatus


@dataclass(frozen=True, eq=False)
class Crewed:
    """A fleet, what it was made of, and its gate to the queue."""

    spec: EndpointSpec
    fleet: Fleet
    gate: Gate

    @property
    def is_up(self) -> bool:
        """All that are desired are in service."""
        return self.fleet.current_count >= self.fleet.desired_count

    @property
    def is_settled(self) -> bool:
        """They are, or one of them does not come for now: the fleet goes on trying."""
        return self.is_up or self.fleet.setback is not None

    def retire(self, is_idle: Callable[[str], bool] | None) -> None:
        self.gate.is_draining = is_idle is not None
        self.fleet.retire(is_idle)


class Deployment:
    """Moves on in `advance`, by what the fleets say of themselves: asked after each change. `is_idle` is for
    instances that are drained, None where an update drains none. One thread at a time."""

    def __init__(self, first: Crewed, is_idle: Callable[[str], bool] | None) -> None:
        self.status = EndpointStatus.CREATING
        self.failure_reason: str | None = None
        self.serving = first
        self._coming: Crewed | None = None
        self._going: list[Crewed] = []
        self._is_idle = is_idle
        first.gate.open()
        first.fleet.set_desired_count(first.spec.variant.initial_instance_count)

    @property
    def all(self) -> list[Crewed]:
        """Every fleet that is not gone, the serving one first."""
        coming = [] if self._coming is None else [self._coming]
        return [self.serving, *coming, *(one for one in self._going if one is not self.serving)]

    @property
    def is_gone(self) -> bool:
        """The endpoint was deleted, and nothing of it is left."""
        return self.status is EndpointStatus.DELETING and not self._going

    def update(self, coming: Crewed) -> None:
        """The new instances are started. One that was coming already gives way."""
        self._retire_coming()
        self._coming = coming
        self.status, self.failure_reason = EndpointStatus.UPDATING, None
        coming.fleet.set_desired_count(coming.spec.variant.initial_instance_count)

    def scale(self, count: int) -> None:
        if self.status in (EndpointStatus.DELETING, EndpointStatus.FAILED):
            return
        for one in (self.serving, self._coming):
            if one is not None:
                one.fleet.set_desired_count(count)
        if self.status is EndpointStatus.IN_SERVICE:
            self.status = EndpointStatus.UPDATING

    def delete(self) -> None:
        self.status = EndpointStatus.DELETING
        self._retire_coming()
        if self.serving not in self._going:
            self._going.append(self.serving)
        for one in self._going:
            one.retire(None)

    def advance(self) -> None:
        """As far as the fleets have come."""
        seen = None
        while seen != (seen := (self.status, self._coming, len(self._going))):
            self._look()

    def _look(self) -> None:
        for gone in [one for one in self._going if one.fleet.is_gone()]:
            gone.fleet.close()
            self._going.remove(gone)
        if self.status is EndpointStatus.CREATING:
            self._create()
        elif self._coming is not None:
            self._move_traffic(self._coming)
        elif not self._going and self._is_settled():
            self.status = EndpointStatus.IN_SERVICE
        for one in self._going:
            one.fleet.wake()

    def _is_settled(self) -> bool:
        if self.status is EndpointStatus.UPDATING:
            return self.serving.is_settled
        return self.status is EndpointStatus.ROLLING_BACK

    def _create(self) -> None:
        if self.serving.fleet.failure_reason is not None:
            self.status, self.failure_reason = EndpointStatus.FAILED, self.serving.fleet.failure_reason
            self._retire(self.serving, None)
        elif self.serving.is_up:
            self.status = EndpointStatus.IN_SERVICE

    def _move_traffic(self, coming: Crewed) -> None:
        if coming.fleet.failure_reason is not None:
            self.status, self.failure_reason = EndpointStatus.ROLLING_BACK, coming.fleet.failure_reason
            self._retire_coming()
        elif coming.is_up:
            old, self.serving, self._coming = self.serving, coming, None
            coming.gate.open()
            self._retire(old, self._is_idle)

    def _retire_coming(self) -> None:
        if self._coming is not None:
            self._retire(self._coming, None)
            self._coming = None

    def _retire(self, one: Crewed, is_idle: Callable[[str], bool] | None) -> None:
        self._going.append(one)
        one.retire(is_idle)
