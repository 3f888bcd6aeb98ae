"""Which scaling activities have there been, and how far are they?"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from dataclasses import dataclass, field, replace

from quire_endpoint.local.scaling.decisions import Change

KEPT = 1000
"""Of all targets together; AWS keeps them for six weeks."""


@dataclass(frozen=True)
class Activity:
    """`ended_seconds` is None until as many instances as were asked for are in service, or a later activity
    has taken this one's place."""

    change: Change
    region: str
    began_seconds: float
    ended_seconds: float | None = None
    is_overridden: bool = False
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def status(self) -> str:
        """A StatusCode of the API."""
        if self.ended_seconds is None:
            return "InProgress"
        return "Overridden" if self.is_overridden else "Successful"

    @property
    def cause(self) -> str:
        """In AWS's words."""
        firing = self.change.firing
        if firing is None:
            side = "maximum" if self.change.after < self.change.before else "minimum"
            return f"{side} capacity was set to {self.change.after}"
        return f"monitor alarm {firing.alarm.name} in state ALARM triggered policy {firing.policy.name}"

    def __str__(self) -> str:
        """For people."""
        change = self.change
        return f"{change.target.resource_id}: {change.before} → {change.after} instances, {self.cause}"


class Activities:
    """Of every region, the latest last. Threads may read while the scaler writes."""

    def __init__(self, kept: int = KEPT) -> None:
        self._activities: deque[Activity] = deque(maxlen=kept)
        self._lock = threading.Lock()

    def begin(self, change: Change, region: str, now: float) -> Activity:
        self._end(change.target.resource_id, region, now, is_overridden=True)
        activity = Activity(change, region, now)
        with self._lock:
            self._activities.append(activity)
        return activity

    def reached(self, resource_id: str, region: str, now: float) -> None:
        """What was asked for is there."""
        self._end(resource_id, region, now, is_overridden=False)

    def of(self, region: str, resource_id: str | None = None) -> list[Activity]:
        with self._lock:
            return [
                one
                for one in self._activities
                if one.region == region and resource_id in (None, one.change.target.resource_id)
            ]

    def _end(self, resource_id: str, region: str, now: float, is_overridden: bool) -> None:
        with self._lock:
            for place, one in enumerate(self._activities):
                if (
                    one.ended_seconds is None
                    and one.region == region
                    and one.change.target.resource_id == resource_id
                ):
                    self._activities[place] = replace(one, ended_seconds=now, is_overridden=is_overridden)
