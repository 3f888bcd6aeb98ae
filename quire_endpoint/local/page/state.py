"""What does everything look like now?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.page.progress import Pages, pages_in
from quire_endpoint.local.page.seen import Seen
from quire_endpoint.local.page.timeline import Span, spans
from quire_endpoint.local.ports import InstanceView, NoSuchEndpoint

REQUESTS_SHOWN = 100


@dataclass(frozen=True)
class QueueView:
    """`oldest_age_seconds` of those that wait, by the clock; None where none does."""

    waiting: int
    in_flight: int
    oldest_age_seconds: float | None


@dataclass(frozen=True)
class EndpointView:
    name: str
    status: str
    failure_reason: str | None
    instance_type: str
    current_instance_count: int
    desired_instance_count: int
    max_concurrent_invocations: int
    queue: QueueView
    instances: Sequence[InstanceView]


@dataclass(frozen=True)
class RequestView:
    """`ending` is None while it goes on; `pages` are known of one in flight whose container logs them."""

    inference_id: str
    endpoint_name: str
    received_seconds: float
    ending: str | None
    detail: str
    instance_id: str | None
    deliveries: int
    spans: Sequence[Span]
    pages: Pages | None


@dataclass(frozen=True)
class State:
    """Times are the clock's, in seconds since the epoch."""

    now_seconds: float
    speed: float
    endpoints: Sequence[EndpointView]
    requests: Sequence[RequestView]
    faults: Sequence[Fault]
    fault_kinds: Sequence[str]
    switches: Sequence[str]


def state(seen: Seen, requests_shown: int = REQUESTS_SHOWN) -> State:
    endpoints = [view for name in seen.host.names() for view in _endpoint(seen, name)]
    pages = pages_under_way(seen, endpoints)
    return State(
        now_seconds=seen.clock.now(),
        speed=seen.clock.speed,
        endpoints=endpoints,
        requests=[_request(entries, pages) for entries in seen.journal.latest(requests_shown)],
        faults=seen.faults.all(),
        fault_kinds=list(FaultKind),
        switches=seen.switches.lines(),
    )


def _endpoint(seen: Seen, name: str) -> Iterable[EndpointView]:
    """None of one that goes away meanwhile."""
    try:
        spec, now = seen.host.spec(name), seen.host.state(name)
        backlog, instances = seen.host.backlog(name), seen.host.instances(name)
    except NoSuchEndpoint:
        return
    oldest = backlog.oldest_received_seconds
    yield EndpointView(
        name=name,
        status=now.status.value,
        failure_reason=now.failure_reason,
        instance_type=spec.variant.instance_type,
        current_instance_count=now.current_instance_count,
        desired_instance_count=now.desired_instance_count,
        max_concurrent_invocations=spec.max_concurrent_invocations or seen.switches.concurrency_when_unset,
        queue=QueueView(
            backlog.waiting,
            backlog.in_flight,
            None if oldest is None else max(0.0, seen.clock.now() - oldest),
        ),
        instances=instances,
    )


def pages_under_way(seen: Seen, endpoints: Sequence[EndpointView]) -> dict[str, Pages]:
    """By inference id, of what is in flight."""
    found: dict[str, Pages] = {}
    for endpoint in endpoints:
        streams = seen.logs.streams(endpoint.name)
        for instance in endpoint.instances:
            for stream in streams if instance.in_flight else ():
                if stream.endswith(f"/{instance.instance_id}"):
                    found |= pages_in(seen.logs.lines(endpoint.name, stream), instance.in_flight)
    return found


def _request(entries: Sequence[Entry], pages: dict[str, Pages]) -> RequestView:
    first, last = entries[0], entries[-1]
    ended = next((entry for entry in reversed(entries) if entry.step is Step.ENDED), None)
    instances = [entry.instance_id for entry in entries if entry.instance_id]
    return RequestView(
        inference_id=first.inference_id,
        endpoint_name=last.endpoint_name,
        received_seconds=first.seconds,
        ending=ended.ending.value if ended and ended.ending else None,
        detail=(ended or last).detail,
        instance_id=instances[-1] if instances else None,
        deliveries=max(entry.delivery for entry in entries),
        spans=spans(entries),
        pages=pages.get(first.inference_id),
    )
