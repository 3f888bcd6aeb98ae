"""How is a region's scaling state read and written through boto3?"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from quire_endpoint.local.clock import as_date
from quire_endpoint.local.scaling.alarms import Alarm, AlarmState, Metric
from quire_endpoint.local.scaling.expressions import NotEvaluated
from quire_endpoint.local.scaling.policies import DIMENSION, SERVICE, Policy, ScalableTarget
from quire_endpoint.local.scaling.written_alarms import read_alarm, written_alarm
from quire_endpoint.local.scaling.written_metrics import Written
from quire_endpoint.local.scaling.written_policies import read_policy, read_target

_Read = TypeVar("_Read")

_log = logging.getLogger(__name__)


class CalledBoard:
    """board.Board. What cannot be evaluated here is warned of once and left alone."""

    def __init__(self, cloudwatch: Any, autoscaling: Any) -> None:
        self._cloudwatch = cloudwatch
        self._autoscaling = autoscaling
        self._warned: set[str] = set()

    def targets(self) -> Sequence[ScalableTarget]:
        pages = self._pages("describe_scalable_targets", "ScalableTargets")
        return self._readable(pages, "ResourceId", read_target)

    def policies(self) -> Sequence[Policy]:
        pages = self._pages("describe_scaling_policies", "ScalingPolicies")
        return self._readable(pages, "PolicyName", read_policy)

    def alarms(self) -> Sequence[Alarm]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        found = (one for page in pages for one in page.get("MetricAlarms", ()))
        return self._readable(found, "AlarmName", read_alarm)

    def values(
        self, metric: Metric, end: float, period_seconds: int, num_periods: int
    ) -> Sequence[float | None]:
        start = end - period_seconds * num_periods
        answer = self._cloudwatch.get_metric_data(
            StartTime=as_date(start), EndTime=as_date(end), MetricDataQueries=[_query(metric, period_seconds)]
        )
        [series] = answer["MetricDataResults"]
        stamps = (moment.timestamp() for moment in series["Timestamps"])
        known = dict(zip(stamps, series["Values"], strict=True))
        return [known.get(start + place * period_seconds) for place in range(num_periods)]

    def put_alarm(self, alarm: Alarm) -> None:
        self._cloudwatch.put_metric_alarm(**written_alarm(alarm))

    def delete_alarms(self, names: Iterable[str]) -> None:
        with contextlib.suppress(self._cloudwatch.exceptions.ResourceNotFound):
            self._cloudwatch.delete_alarms(AlarmNames=list(names))

    def set_state(self, name: str, state: AlarmState, reason: str) -> None:
        with contextlib.suppress(self._cloudwatch.exceptions.ResourceNotFound):
            self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=str(state), StateReason=reason)

    def _pages(self, operation: str, member: str) -> Iterable[Written]:
        pages = self._autoscaling.get_paginator(operation).paginate(
            ServiceNamespace=SERVICE, ScalableDimension=DIMENSION
        )
        return (one for page in pages for one in page[member])

    def _readable(
        self, written: Iterable[Written], name: str, read: Callable[[Written], _Read]
    ) -> list[_Read]:
        found = []
        for one in written:
            try:
                found.append(read(one))
            except (NotEvaluated, KeyError, TypeError, ValueError) as error:
                self._warn(one[name], error)
        return found

    def _warn(self, name: str, error: Exception) -> None:
        line = f"{name} has no effect at the local endpoint: {error}"
        if line not in self._warned:
            self._warned.add(line)
            _log.warning(line)


def _query(metric: Metric, period_seconds: int) -> dict[str, Any]:
    named = {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
    statistic = {"Metric": named, "Period": period_seconds, "Stat": metric.statistic}
    return {"Id": "values", "MetricStat": {**statistic, **({"Unit": metric.unit} if metric.unit else {})}}
