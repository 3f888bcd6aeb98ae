"""What metric is meant, as CloudWatch and Application Auto Scaling have it written?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quire_endpoint.local.scaling.aggregates import ENDPOINT_NAMESPACE
from quire_endpoint.local.scaling.alarms import MathMetric, Metric
from quire_endpoint.local.scaling.expressions import NotEvaluated, check

Written = Mapping[str, Any]
"""A structure as boto3 returns it."""

STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")

_PREDEFINED = {"SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum")}
"""AWS publishes none of the predefined ones for an async endpoint: their alarms wait for data for ever."""


def single_metric(written: Written, statistic: str | None) -> Metric:
    """Of Namespace, MetricName and Dimensions. Raises NotEvaluated."""
    if statistic not in STATISTICS:
        raise NotEvaluated(f"statistic {statistic} is not evaluated here")
    return Metric(
        namespace=written["Namespace"],
        name=written["MetricName"],
        dimensions=_dimensions(written),
        statistic=statistic,
        unit=written.get("Unit"),
    )


def predefined_metric(written: Written, endpoint_name: str, variant_name: str) -> Metric:
    kind = written["PredefinedMetricType"]
    name, statistic = _PREDEFINED.get(kind, (kind, "Average"))
    dimensions = (("EndpointName", endpoint_name), ("VariantName", variant_name))
    return Metric(ENDPOINT_NAMESPACE, name, dimensions, statistic)


def queried_metric(queries: Sequence[Written]) -> Metric | MathMetric:
    """Of metric data queries, one of which returns its data. Raises NotEvaluated."""
    returned = [one for one in queries if one.get("ReturnData", True)]
    if len(returned) != 1:
        raise NotEvaluated("of several metric data queries exactly one returns its data")
    metrics = {one["Id"]: _of_query(one) for one in queries if one.get("MetricStat")}
    if returned[0]["Id"] in metrics:
        return metrics[returned[0]["Id"]]
    expressions = {one["Id"]: one["Expression"] for one in queries if one["Id"] not in metrics}
    ordered = _in_order(expressions, list(metrics))
    final = ordered.pop(returned[0]["Id"])
    return MathMetric(final, metrics, ordered)


def _of_query(query: Written) -> Metric:
    statistic = query["MetricStat"]
    unit = {"Unit": statistic["Unit"]} if statistic.get("Unit") else {}
    return single_metric({**statistic["Metric"], **unit}, statistic["Stat"])


def _in_order(expressions: Mapping[str, str], known: list[str]) -> dict[str, str]:
    """Each after those that it names."""
    ordered: dict[str, str] = {}
    while left := {name: text for name, text in expressions.items() if name not in ordered}:
        refusals = {name: _refusal(text, [*known, *ordered]) for name, text in left.items()}
        ready = next((name for name, refusal in refusals.items() if refusal is None), None)
        if ready is None:
            raise NotEvaluated("; ".join(str(refusal) for refusal in refusals.values()))
        ordered[ready] = left[ready]
    return ordered


def _refusal(expression: str, names: Sequence[str]) -> NotEvaluated | None:
    try:
        check(expression, names)
    except NotEvaluated as refusal:
        return refusal
    return None


def _dimensions(written: Written) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["Name"], one["Value"]) for one in written.get("Dimensions", ())))
