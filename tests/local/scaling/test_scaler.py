"""The minutes as they pass: endpoints measured, alarms judged, counts set, activities told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.scaling.activities import Activities
from quire_endpoint.local.scaling.activities_app import ScalingActivities
from quire_endpoint.local.scaling.aggregates import HOST_NAMESPACE, Series, minute_of
from quire_endpoint.local.scaling.decisions import Change
from quire_endpoint.local.scaling.metrics import CloudWatchMetrics
from quire_endpoint.local.scaling.scaler import Scaler
from quire_endpoint.local.switches import Switches
from quire_endpoint.local.url.moto_app import moto_application
from quire_endpoint.local.url.server import Server
from quire_endpoint.s3_location import S3Location
from tests.fakes.host_without_containers import HostWithoutContainers
from tests.local.scaling.aws_policies import TARGET
from tests.local.scaling.registered import put_tracking, put_waking, register_target, resource
from tests.local.scaling.simulated_endpoint import SPEC
from tests.local.scaling.test_metrics import statistics

NOW = 1_900_000_020.0
PATIENCE_SECONDS = 20.0
BACKLOG = Series("ApproximateBacklogSize", "Count", "documents")
PER_INSTANCE = replace(BACKLOG, name="ApproximateBacklogSizePerInstance")
PROCESSOR = Series("CPUUtilization", "Percent", "documents", "AllTraffic", HOST_NAMESPACE)


@pytest.fixture
def host(region: str) -> HostWithoutContainers:
    """Its endpoint has one instance."""
    host = HostWithoutContainers()
    host.create(replace(SPEC, region=region))
    host.settle("documents")
    return host


@pytest.fixture
def make_scaler(url: str, host: HostWithoutContainers) -> Iterator[Callable[..., Scaler]]:
    made = []

    def make(clock: Clock | None = None, at: str = url, switches: Switches | None = None) -> Scaler:
        clock = clock or Clock()
        scaler = Scaler(at, host, clock, CloudWatchMetrics(at, clock), switches)
        made.append(scaler)
        return scaler

    yield make
    for scaler in made:
        scaler.close()


def submit(host: HostWithoutContainers, number: int) -> None:
    place = S3Location("bucket", "key")
    for count in range(number):
        host.submit(Invocation("documents", f"id-{count}", NOW, place, None, input=place))


def test_each_minute_measures_the_endpoint(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, cloudwatch: Any
) -> None:
    submit(host, 3)
    make_scaler().step(NOW)
    [backlog] = statistics(cloudwatch, BACKLOG, NOW - 60, minutes=1).values()
    assert (backlog["Average"], backlog["SampleCount"], backlog["Unit"]) == (3, 1, "Count")
    [instances] = statistics(cloudwatch, PROCESSOR, NOW - 60, minutes=1).values()
    assert instances["SampleCount"] == 1


def test_minutes_that_were_missed_are_as_the_one_before_them(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, cloudwatch: Any
) -> None:
    """Nothing is seen before its cause."""
    scaler = make_scaler()
    scaler.step(NOW, minutes=3)
    submit(host, 2)
    scaler.step(NOW + 180, minutes=3)
    points = statistics(cloudwatch, BACKLOG, NOW - 240, minutes=8)
    sizes = {round(seconds - NOW): point["Average"] for seconds, point in points.items()}
    assert sizes == {-60: 0, 0: 0, 60: 0, 120: 2}


def test_aws_policies_act_on_the_host(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, cloudwatch: Any, autoscaling: Any
) -> None:
    register_target(autoscaling, "documents")
    put_waking(autoscaling, cloudwatch, "documents")
    put_tracking(autoscaling, "documents")
    host.set_desired_count("documents", 0)
    host.settle("documents")
    submit(host, 14)
    scaler = make_scaler(switches=Switches(are_metrics_late=False))
    desired = []
    for minute in range(8):
        scaler.step(NOW + minute * 60)
        desired.append(host.state("documents").desired_instance_count)
        if minute == 3:
            host.settle("documents")
    assert desired == [0, 1, 1, 1, 1, 1, 3, 3]


def test_bounds_act_at_the_next_minute_and_are_told_as_activities(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, autoscaling: Any, region: str
) -> None:
    register_target(autoscaling, "documents", least=2, most=4)
    scaler = make_scaler()
    scaler.step(NOW)
    [activity] = scaler.activities.of(region)
    assert (activity.change.before, activity.change.after, activity.status) == (1, 2, "InProgress")
    assert "1 → 2 instances, minimum capacity was set to 2" in str(activity)
    scaler.step(NOW + 60)
    assert scaler.activities.of(region) == [activity]
    host.settle("documents")
    scaler.step(NOW + 120)
    [ended] = scaler.activities.of(region)
    assert (ended.status, ended.ended_seconds) == ("Successful", NOW + 120)
    assert scaler.activities.of("us-east-1") == []


def test_a_target_of_another_variant_or_endpoint_is_nobodys(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, autoscaling: Any
) -> None:
    register_target(autoscaling, "somebody-elses", least=2)
    autoscaling.register_scalable_target(
        MinCapacity=2,
        MaxCapacity=4,
        **{**resource("documents"), "ResourceId": "endpoint/documents/variant/Other"},
    )
    make_scaler().step(NOW)
    assert host.state("documents").desired_instance_count == 1


def test_what_an_endpoint_has_put_is_sent_when_it_has_gone(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, url: str, cloudwatch: Any
) -> None:
    clock = Clock()
    metrics = CloudWatchMetrics(url, clock)
    scaler = Scaler(url, host, clock, metrics)
    scaler.step(NOW)
    expired = Series("ExpiredRequests", "Count", "documents", "AllTraffic")
    metrics.add(expired, 1.0, NOW)
    host.forget("documents")
    scaler.step(NOW + 60)
    assert len(statistics(cloudwatch, expired, NOW, minutes=1)) == 1
    assert not statistics(cloudwatch, BACKLOG, NOW, minutes=1)
    scaler.close()


def test_the_thread_takes_a_step_as_each_minute_of_the_clock_ends(
    make_scaler: Callable[..., Scaler], host: HostWithoutContainers, cloudwatch: Any
) -> None:
    clock = Clock(240)
    began = minute_of(clock.now())
    scaler = make_scaler(clock)
    scaler.start()
    until = time.monotonic() + PATIENCE_SECONDS
    points: list[float] = []
    while len(points) < 4 and time.monotonic() < until:
        time.sleep(0.1)
        points = list(statistics(cloudwatch, BACKLOG, began, minutes=100_000))
    scaler.close()
    assert len(points) >= 4
    assert points == [points[0] + minute * 60 for minute in range(len(points))]
    assert "scaler" not in [thread.name for thread in threading.enumerate()]


def test_a_scaler_that_waits_for_its_minute_closes_at_once(make_scaler: Callable[..., Scaler]) -> None:
    scaler = make_scaler(Clock(0.001))
    scaler.start()
    scaler.close()
    assert "scaler" not in [thread.name for thread in threading.enumerate()]


class HostThatIsBroken(HostWithoutContainers):
    """Fails by nobody's fault but its own."""

    def names(self) -> list[str]:
        raise AssertionError("no host should")


def test_a_step_that_fails_is_seen(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.set())
    clock = Clock(6000)
    scaler = Scaler(url, HostThatIsBroken(), clock, CloudWatchMetrics(url, clock))
    scaler.start()
    assert seen.wait(PATIENCE_SECONDS)
    scaler.close()


@pytest.fixture
def activities_client(make_scaler: Callable[..., Scaler], region: str) -> Iterator[tuple[Scaler, Any]]:
    scaler = make_scaler()
    server = Server(ScalingActivities(moto_application(), scaler.activities), 0)
    server.start()
    clients = OwnClients(server.url)
    yield scaler, clients.of("application-autoscaling", region)
    clients.close()
    server.close()


def test_describe_scaling_activities_answers_as_aws_does(
    activities_client: tuple[Scaler, Any], host: HostWithoutContainers, autoscaling: Any
) -> None:
    scaler, client = activities_client
    assert client.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"] == []
    register_target(client, "documents", least=2, most=4)
    scaler.step(NOW)
    host.settle("documents")
    register_target(client, "documents", least=3, most=4)
    scaler.step(NOW + 60)
    pages = client.get_paginator("describe_scaling_activities").paginate(
        ServiceNamespace="sagemaker", ResourceId="endpoint/documents/variant/AllTraffic", MaxResults=1
    )
    last, first = (one for page in pages for one in page["ScalingActivities"])
    assert (last["StatusCode"], first["StatusCode"]) == ("InProgress", "Successful")
    assert first["Description"] == "Setting desired instance count to 2."
    assert first["Cause"] == "minimum capacity was set to 2"
    assert first["EndTime"].timestamp() - first["StartTime"].timestamp() == 60
    assert first["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    others = client.describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId="endpoint/a/variant/b"
    )
    assert others["ScalingActivities"] == []
    elsewhere = client.describe_scaling_activities(ServiceNamespace="ecs")
    assert elsewhere["ScalingActivities"] == []


def test_a_later_activity_takes_the_place_of_one_in_progress() -> None:
    activities = Activities(kept=2)
    for after in (1, 2, 3):
        activities.begin(Change(TARGET, after - 1, after), "us-east-1", NOW + after)
    statuses = [one.status for one in activities.of("us-east-1", TARGET.resource_id)]
    assert statuses == ["Overridden", "InProgress"]
    activities.reached(TARGET.resource_id, "eu-west-1", NOW)
    assert activities.of("us-east-1")[-1].ended_seconds is None
