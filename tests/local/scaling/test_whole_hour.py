"""0 → 1 → 3 → 0 in real processes, by AWS's own policies, read back from CloudWatch as a user would.

Each change must come in the minute that the datapoints before it ask for: the rules are those of
test_timeline, the datapoints are what happened.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.scaling.aggregates import HOST_NAMESPACE, Series, minute_of
from quire_endpoint.local.up import LocalEndpoint, LocalSettings
from tests.local.scaling.registered import put_tracking, put_waking, register_target
from tests.local.scaling.test_metrics import statistics

SPEED = 120.0
REGION = "us-east-1"
STUB = Path(__file__).parents[2] / "fakes" / "stub_container.py"
PROVISION_MINUTES = 3
SLACK_MINUTES = 10
"""For a process to start: five seconds of the wall's time."""
LATE_MINUTES = 4
"""For a step of the scaler, on a busy machine. None is ever early."""
PATIENCE_SECONDS = 60.0

WAITING = Series("HasBacklogWithoutCapacity", "Count", "documents")
PER_INSTANCE = replace(WAITING, name="ApproximateBacklogSizePerInstance")
PROCESSOR = Series("CPUUtilization", "Percent", "documents", "AllTraffic", HOST_NAMESPACE)

Points = dict[int, float]
"""By minutes since the first request."""


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalEndpoint]:
    settings = LocalSettings(
        tmp_path, serve=(sys.executable, str(STUB)), speed=SPEED, provision_seconds=PROVISION_MINUTES * 60
    )
    with LocalEndpoint(settings) as endpoint:
        yield endpoint


@pytest.fixture
def client(local: LocalEndpoint) -> Iterator[Callable[[str], Any]]:
    clients = OwnClients(local.url)
    yield lambda service: clients.of(service, REGION)
    clients.close()


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.1)


def create_at_zero(client: Callable[[str], Any]) -> None:
    sagemaker = client("sagemaker")
    client("s3").create_bucket(Bucket="documents")
    sagemaker.create_model(
        ModelName="stub",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/stub",
        PrimaryContainer={
            "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/stub:1",
            "Environment": {"STUB_SPEED": str(SPEED)},
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="stub",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": "stub",
                "InstanceType": "ml.g5.xlarge",
                "InitialInstanceCount": 1,
            }
        ],
        AsyncInferenceConfig={
            "OutputConfig": {"S3OutputPath": "s3://documents/out", "S3FailurePath": "s3://documents/failed"},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
        },
    )
    sagemaker.create_endpoint(EndpointName="documents", EndpointConfigName="stub")
    wait_until(lambda: status(sagemaker) == ("InService", 1))
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="documents",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}],
    )
    wait_until(lambda: status(sagemaker) == ("InService", 0))


def status(sagemaker: Any) -> tuple[str, int | None]:
    """With the instances in service; None while there is no variant yet."""
    told = sagemaker.describe_endpoint(EndpointName="documents")
    counts = [variant["CurrentInstanceCount"] for variant in told.get("ProductionVariants", ())]
    return told["EndpointStatus"], counts[0] if counts else None


def submit(client: Callable[[str], Any], name: str, seconds: int) -> str:
    """Returns the inference id."""
    client("s3").put_object(Bucket="documents", Key=name, Body=json.dumps({"seconds": seconds}).encode())
    answer = client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="documents", InputLocation=f"s3://documents/{name}", InvocationTimeoutSeconds=3600
    )
    return str(answer["InferenceId"])


def points(cloudwatch: Any, series: Series, statistic: str, began: float) -> Points:
    found = statistics(cloudwatch, series, began, minutes=1000)
    return {round((seconds - began) / 60): point[statistic] for seconds, point in found.items()}


def test_an_hour_under_aws_policies(local: LocalEndpoint, client: Callable[[str], Any]) -> None:
    """Fourteen jobs of two minutes, and one that is longer than the fifteen minutes and the cooldown after
    which its instance is taken away."""
    create_at_zero(client)
    cloudwatch, autoscaling = client("cloudwatch"), client("application-autoscaling")
    register_target(autoscaling, "documents")
    put_tracking(autoscaling, "documents")
    put_waking(autoscaling, cloudwatch, "documents")
    began = minute_of(local.clock.now())
    short = [submit(client, "short", 120)]
    long = submit(client, "long", 3000)
    short += [submit(client, "short", 120) for _ in range(13)]

    def instances() -> Points:
        return points(cloudwatch, PROCESSOR, "SampleCount", began)

    wait_until(lambda: 3.0 in instances().values() and status(client("sagemaker")) == ("InService", 0))
    wait_until(lambda: local.journal.timeline(long)[-1].ending is not None)
    waiting = points(cloudwatch, WAITING, "Average", began)
    check(instances(), waiting, points(cloudwatch, PER_INSTANCE, "Average", began))
    told = autoscaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
    assert [one["Description"] for one in reversed(told)] == [
        f"Setting desired instance count to {count}." for count in (1, 3, 0)
    ]
    assert local.journal.timeline(long)[-1].ending is Ending.LOST
    assert all(local.journal.timeline(one)[-1].ending is Ending.COMPLETED for one in short)
    written = client("s3").list_objects_v2(Bucket="documents", Prefix="out/")
    assert written["KeyCount"] == len(short)


def check(instances: Points, waiting: Points, per_instance: Points) -> None:
    """Alarms see a datapoint one minute after its own has ended."""
    first_waiting = min(minute for minute, value in waiting.items() if value)
    one = min(instances)
    woken = first_waiting + 2 + 1
    assert woken + PROVISION_MINUTES - 1 <= one <= woken + PROVISION_MINUTES + SLACK_MINUTES

    assert all(per_instance[one + minute] > 5 for minute in range(3))
    three = min(minute for minute, count in instances.items() if count == 3)
    grown = one + 3 + 1
    assert grown + PROVISION_MINUTES - 1 <= three <= grown + PROVISION_MINUTES + SLACK_MINUTES
    assert all(instances[minute] == 1 for minute in range(one, grown + PROVISION_MINUTES - 1))

    low = max(minute for minute, value in per_instance.items() if value >= 4.5) + 1
    shrunk = low + 15 + 1
    assert shrunk - 1 <= max(instances) <= shrunk - 1 + LATE_MINUTES
    assert sorted(set(instances.values())) in ([1, 3], [1, 2, 3])
    assert not any(value for minute, value in waiting.items() if minute >= one)
