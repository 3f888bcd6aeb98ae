"""What does the scaler ask of CloudWatch and Application Auto Scaling in one region?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from quire_endpoint.local.scaling.alarms import Alarm, AlarmState, Metric
from quire_endpoint.local.scaling.policies import Policy, ScalableTarget


class Board(Protocol):
    """One region's."""

    def targets(self) -> Sequence[ScalableTarget]: ...

    def policies(self) -> Sequence[Policy]: ...

    def alarms(self) -> Sequence[Alarm]:
        """Those that can be evaluated here."""
        ...

    def values(
        self, metric: Metric, end: float, period_seconds: int, num_periods: int
    ) -> Sequence[float | None]:
        """Of the `num_periods` periods up to `end`, the latest last; None where one has no datapoint."""
        ...

    def put_alarm(self, alarm: Alarm) -> None: ...

    def delete_alarms(self, names: Iterable[str]) -> None:
        """Those that are there."""
        ...

    def set_state(self, name: str, state: AlarmState, reason: str) -> None:
        """Nothing happens to one that somebody has deleted meanwhile."""
        ...
