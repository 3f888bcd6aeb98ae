"""What does CloudWatch get to know, under which names and units?"""

from __future__ import annotations

from collections.abc import Callable

from quire_endpoint.conformance.plans import MAIN, SERIAL, Plan
from quire_endpoint.conformance.row import Claim, Proof, Row, Subject, expect
from quire_endpoint.conformance.stage import Stage

_GUIDE = "Developer Guide, async-inference-monitor"
_BUSY_SECONDS = 90.0
_UNPUBLISHED = {"Invocations", "InvocationsPerInstance", "OverheadLatency"}

Cause = Callable[[Stage], str]
"""Brings something about, once; returns the endpoint's name."""


def busy(stage: Stage) -> str:
    """One request runs for a minute and a half while another waits."""
    deployed = stage.endpoint(SERIAL)
    tickets = [stage.invoke(deployed, {"seconds": _BUSY_SECONDS, "text": "done"}) for _ in range(2)]
    for ticket in tickets:
        stage.succeeded(ticket, 3 * _BUSY_SECONDS)
    return deployed.name


def outlived(stage: Stage) -> str:
    """A request waits longer than it may."""
    deployed = stage.endpoint(SERIAL)
    stage.invoke(deployed, {"seconds": 120, "text": "done"})
    stage.invoke(deployed, RequestTTLSeconds=60)
    stage.succeeded(stage.invoke(deployed))
    return deployed.name


def failed_by_caller(stage: Stage) -> str:
    deployed = stage.endpoint(MAIN)
    stage.outcome(stage.invoke(deployed, {"status": 422, "text": "no"}))
    return deployed.name


def failed_by_container(stage: Stage) -> str:
    deployed = stage.endpoint(MAIN)
    stage.outcome(stage.invoke(deployed, {"status": 500, "text": "no"}))
    return deployed.name


def input_missing(stage: Stage) -> str:
    deployed = stage.endpoint(MAIN)
    stage.invoke(deployed, InputLocation=f"s3://{stage.target.bucket}/{stage.mark}/inputs/none")
    return deployed.name


def _metric(
    name: str, unit: str, cause: Cause, plan: Plan, least: float = 1.0, *, has_variant: bool = True
) -> Row:
    """At least one minute has a maximum of `least` once the cause is there."""

    def check(stage: Stage) -> None:
        endpoint_name = stage.once(cause)
        stage.readings.await_value(name, endpoint_name, unit, has_variant, least)
        stage.readings.await_listing(name, endpoint_name, has_variant)

    dimensions = "EndpointName and VariantName" if has_variant else "EndpointName alone"
    sentence = f"{name} is published in {unit}, by {dimensions}."
    return Row(f"metric-{name}", Claim(Subject.METRICS, sentence, Proof.DOCUMENTED, _GUIDE, (plan,)), check)


@Claim(
    Subject.METRICS,
    "Invocations, InvocationsPerInstance and OverheadLatency are not published.",
    Proof.DOCUMENTED,
    _GUIDE,
    (SERIAL,),
)
def unpublished(stage: Stage) -> None:
    name = stage.once(busy)
    stage.readings.await_value("InvocationsProcesssed", name, "Count", has_variant=True)
    seen = _UNPUBLISHED & {one["MetricName"] for one in stage.readings.metrics(name)}
    expect(not seen, sorted(seen))


ROWS = (
    _metric("ApproximateBacklogSize", "Count", busy, SERIAL, has_variant=False),
    _metric("ApproximateBacklogSizePerInstance", "Count", busy, SERIAL, has_variant=False),
    _metric("ApproximateAgeOfOldestRequest", "Seconds", busy, SERIAL, 5.0, has_variant=False),
    _metric("InvocationsProcesssed", "Count", busy, SERIAL),
    _metric("TimeInBacklog", "Milliseconds", busy, SERIAL, 50_000),
    _metric("TotalProcessingTime", "Milliseconds", busy, SERIAL, 80_000),
    _metric("ModelLatency", "Microseconds", busy, SERIAL, 80_000_000),
    _metric("RequestDownloadLatency", "Microseconds", busy, SERIAL),
    _metric("ResponseUploadLatency", "Microseconds", busy, SERIAL),
    _metric("ExpiredRequests", "Count", outlived, SERIAL),
    _metric("RequestDownloadFailures", "Count", input_missing, MAIN),
    _metric("InvocationFailures", "Count", failed_by_container, MAIN),
    _metric("Invocation4XXErrors", "None", failed_by_caller, MAIN),
    _metric("Invocation5XXErrors", "None", failed_by_container, MAIN),
    unpublished,
)
