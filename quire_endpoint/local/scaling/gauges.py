"""What do an endpoint's queue and its instances measure as a minute ends?"""

from __future__ import annotations

from collections.abc import Iterator

from quire_endpoint.local.ports import Backlog
from quire_endpoint.local.scaling.aggregates import HOST_NAMESPACE, Series
from quire_endpoint.local.specs import EndpointSpec, EndpointState

Value = tuple[Series, float]


def measured(
    spec: EndpointSpec, state: EndpointState, backlog: Backlog, now: float, is_in_flight_counted: bool
) -> Iterator[Value]:
    """The four gauges of the Developer Guide, "async-inference-monitor", each with one value a minute: how
    often AWS looks within one is not known. With no instance there is no backlog per instance, and the
    instances' own metrics, whose SampleCount is how many there are, have no datapoint either."""
    name, instances = spec.name, state.current_instance_count
    size = backlog.size if is_in_flight_counted else backlog.waiting
    oldest = now if backlog.oldest_received_seconds is None else backlog.oldest_received_seconds
    yield Series("ApproximateBacklogSize", "Count", name), size
    yield Series("HasBacklogWithoutCapacity", "Count", name), float(size > 0 and not instances)
    yield Series("ApproximateAgeOfOldestRequest", "Seconds", name), max(0.0, now - oldest)
    if instances:
        yield Series("ApproximateBacklogSizePerInstance", "Count", name), size / instances
    processor = Series("CPUUtilization", "Percent", name, spec.variant.name, HOST_NAMESPACE)
    for _ in range(instances):
        yield processor, 0.0  # counted, not measured: the laptop's processor is not an ml.g5's
