"""What do CloudWatch's logs and metrics say of an endpoint?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from quire_endpoint.conformance.deployment import VARIANT
from quire_endpoint.conformance.target import Target

_LOG_SECONDS = 300.0
_METRIC_SECONDS = 600.0
_LISTING_SECONDS = 1200.0
"""New metrics may be missing from CloudWatch's list for fifteen minutes."""

_HOURS_BACK, _HOURS_AHEAD = 2, 21
"""A request for datapoints of a minute may ask for a day of them; a local clock runs ahead of the wall's."""


class Readings:
    """Of one target."""

    def __init__(self, target: Target) -> None:
        self._target, self._clients = target, target.clients
        self._began = datetime.now(UTC)

    def log_lines(self, endpoint_name: str, is_data_log: bool) -> list[str]:
        """Of all streams of the endpoint: what its containers print, or what is said of its requests."""
        group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
        try:
            streams = self._clients.logs.describe_log_streams(logGroupName=group)["logStreams"]
        except self._clients.logs.exceptions.ResourceNotFoundException:
            return []
        names = [one["logStreamName"] for one in streams]
        wanted = [name for name in names if name.endswith("/data-log") == is_data_log]
        return [line for name in wanted for line in self._lines(group, name)]

    def _lines(self, group: str, stream: str) -> list[str]:
        pages = self._clients.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNames=[stream]
        )
        return [event["message"] for page in pages for event in page["events"]]

    def await_line(self, endpoint_name: str, words: Sequence[str], is_data_log: bool = True) -> str:
        """The first line that holds all of the words. Raises Differs."""

        def look() -> str | None:
            lines = self.log_lines(endpoint_name, is_data_log)
            return next((line for line in lines if all(word in line for word in words)), None)

        return self._target.until(look, _LOG_SECONDS, f"log line with {list(words)}")

    def datapoints(self, name: str, endpoint_name: str, unit: str, has_variant: bool) -> list[dict[str, Any]]:
        """By the minute, with Sum and Maximum, oldest first; those alone that were put in `unit`."""
        told: list[dict[str, Any]] = self._clients.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=_dimensions(endpoint_name, has_variant),
            StartTime=self._began - timedelta(hours=_HOURS_BACK),
            EndTime=self._began + timedelta(hours=_HOURS_AHEAD),
            Period=60,
            Statistics=["Sum", "Maximum", "Average"],
            Unit=unit,
        )["Datapoints"]
        return sorted(told, key=lambda one: one["Timestamp"])

    def await_value(
        self, name: str, endpoint_name: str, unit: str, has_variant: bool, least: float = 1.0
    ) -> float:
        """The first minute's maximum that is at least `least`. Raises Differs."""

        def look() -> float | None:
            points = self.datapoints(name, endpoint_name, unit, has_variant)
            alike = (one["Maximum"] for one in points if one["Unit"] == unit)
            return next((maximum for maximum in alike if maximum >= least), None)

        wanted = f"datapoint of {name} in {unit} of at least {least:g}"
        return self._target.until(look, _METRIC_SECONDS, wanted)

    def metrics(self, endpoint_name: str) -> list[dict[str, Any]]:
        """All of an endpoint's, as ListMetrics tells."""
        pages = self._clients.cloudwatch.get_paginator("list_metrics").paginate(
            Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": endpoint_name}]
        )
        return [one for page in pages for one in page["Metrics"]]

    def await_listing(self, name: str, endpoint_name: str, has_variant: bool) -> None:
        """Of the metric under these dimensions and no others. Raises Differs."""
        wanted = _dimensions(endpoint_name, has_variant)

        def look() -> bool | None:
            listed = (one for one in self.metrics(endpoint_name) if one["MetricName"] == name)
            return any(sorted(one["Dimensions"], key=str) == wanted for one in listed) or None

        self._target.until(look, _LISTING_SECONDS, f"metric {name} with dimensions {wanted}")


def _dimensions(endpoint_name: str, has_variant: bool) -> list[dict[str, str]]:
    variant = [{"Name": "VariantName", "Value": VARIANT}] if has_variant else []
    return [{"Name": "EndpointName", "Value": endpoint_name}, *variant]
