"""How does CloudWatch write an alarm?"""

from __future__ import annotations

from typing import Any

from quire_endpoint.local.scaling.alarms import (
    DEFAULT_PERIOD_SECONDS,
    Alarm,
    AlarmState,
    Comparison,
    MathMetric,
    Metric,
    Missing,
    Rule,
)
from quire_endpoint.local.scaling.expressions import NotEvaluated
from quire_endpoint.local.scaling.written_metrics import Written, queried_metric, single_metric


def read_alarm(written: Written) -> Alarm:
    """Of DescribeAlarms. Raises NotEvaluated."""
    queries = written.get("Metrics") or ()
    metric = queried_metric(queries) if queries else single_metric(written, written.get("Statistic"))
    return Alarm(
        name=written["AlarmName"],
        rule=_rule(written, metric),
        actions=tuple(written.get("AlarmActions", ())) if written.get("ActionsEnabled", True) else (),
        state=AlarmState(written["StateValue"]),
        description=written.get("AlarmDescription") or "",
    )


def _rule(written: Written, metric: Metric | MathMetric) -> Rule:
    if written.get("ComparisonOperator") not in list(Comparison) or written.get("Threshold") is None:
        raise NotEvaluated("an alarm without a fixed threshold is not evaluated here")
    periods = int(written["EvaluationPeriods"])
    return Rule(
        metric=metric,
        comparison=Comparison(written["ComparisonOperator"]),
        threshold=float(written["Threshold"]),
        evaluation_periods=periods,
        datapoints_to_alarm=int(written.get("DatapointsToAlarm") or periods),
        period_seconds=_period_seconds(written),
        missing=Missing(written.get("TreatMissingData") or Missing.MISSING),
    )


def _period_seconds(written: Written) -> int:
    """Where metrics are combined, each says its own, and they must agree."""
    of_metrics = [
        one["MetricStat"].get("Period") for one in written.get("Metrics", ()) if one.get("MetricStat")
    ]
    return int(written.get("Period") or next(filter(None, of_metrics), DEFAULT_PERIOD_SECONDS))


def written_alarm(alarm: Alarm) -> dict[str, Any]:
    """For PutMetricAlarm."""
    rule = alarm.rule
    fields = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AlarmActions": list(alarm.actions),
        "ComparisonOperator": str(rule.comparison),
        "Threshold": rule.threshold,
        "EvaluationPeriods": rule.evaluation_periods,
    }
    if isinstance(rule.metric, MathMetric):
        return {**fields, "Metrics": _queries(rule.metric, rule.period_seconds)}
    statistic = {"Statistic": rule.metric.statistic, "Period": rule.period_seconds}
    unit = {"Unit": rule.metric.unit} if rule.metric.unit else {}
    return {**fields, **_named(rule.metric), **statistic, **unit}


def _queries(metric: MathMetric, period_seconds: int) -> list[dict[str, Any]]:
    single = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": _named(one),
                "Stat": one.statistic,
                "Period": period_seconds,
                **({"Unit": one.unit} if one.unit else {}),
            },
        }
        for name, one in metric.metrics.items()
    ]
    between = [
        {"Id": name, "ReturnData": False, "Expression": text} for name, text in metric.expressions.items()
    ]
    return [*single, *between, {"Id": "tracked", "ReturnData": True, "Expression": metric.expression}]


def _named(metric: Metric) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
