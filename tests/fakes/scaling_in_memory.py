"""CloudWatch and Application Auto Scaling that keep what they are told and do no more, as moto's do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from quire_endpoint.local.scaling.alarms import Alarm, AlarmState, Metric
from quire_endpoint.local.scaling.policies import Policy, ScalableTarget


@dataclass
class BoardInMemory:
    """board.Board. `data` holds one value for a metric's name and the minute's beginning."""

    scalable: list[ScalableTarget] = field(default_factory=list)
    scaling: list[Policy] = field(default_factory=list)
    by_name: dict[str, Alarm] = field(default_factory=dict)
    data: dict[tuple[str, float], float] = field(default_factory=dict)

    def targets(self) -> Sequence[ScalableTarget]:
        return self.scalable

    def policies(self) -> Sequence[Policy]:
        return self.scaling

    def alarms(self) -> Sequence[Alarm]:
        return list(self.by_name.values())

    def values(
        self, metric: Metric, end: float, period_seconds: int, num_periods: int
    ) -> Sequence[float | None]:
        start = end - period_seconds * num_periods
        return [self.data.get((metric.name, start + place * period_seconds)) for place in range(num_periods)]

    def put_alarm(self, alarm: Alarm) -> None:
        self.by_name[alarm.name] = alarm

    def delete_alarms(self, names: Iterable[str]) -> None:
        for name in names:
            del self.by_name[name]

    def set_state(self, name: str, state: AlarmState, reason: str) -> None:
        assert reason
        self.by_name[name] = replace(self.by_name[name], state=state)

    def states(self) -> dict[str, AlarmState]:
        """By the alarm's kind."""
        kinds = ("AlarmHigh", "AlarmLow", "HasBacklog")
        return {kind: alarm.state for kind in kinds for name, alarm in self.by_name.items() if kind in name}
