"""An endpoint on the local endpoint, made by the calls that a user would make."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

BUCKET = "sagemaker-tests"
PREFIX = f"s3://{BUCKET}/inputs"
ENDPOINT = "stub"
ROLE = "arn:aws:iam::123456789012:role/tests"


def deploy(session: Any, concurrency: int = 4) -> None:
    """Bucket, topics, model, configuration and endpoint, in service when this returns."""
    region = session.region_name
    session.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region}
    )
    sns, sagemaker = session.client("sns"), session.client("sagemaker")
    topics = [sns.create_topic(Name=name)["TopicArn"] for name in ("good", "bad")]
    sagemaker.create_model(ModelName=ENDPOINT, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "stub"})
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": ENDPOINT,
        "InstanceType": "ml.g5.xlarge",
        "InitialInstanceCount": 1,
    }
    output = {
        "S3OutputPath": f"s3://{BUCKET}/outputs",
        "S3FailurePath": f"s3://{BUCKET}/failures",
        "NotificationConfig": {"SuccessTopic": topics[0], "ErrorTopic": topics[1]},
    }
    client = {"MaxConcurrentInvocationsPerInstance": concurrency}
    sagemaker.create_endpoint_config(
        EndpointConfigName=ENDPOINT,
        ProductionVariants=[variant],
        AsyncInferenceConfig={"OutputConfig": output, "ClientConfig": client},
    )
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    await_that(lambda: _status(sagemaker) == "InService", "the endpoint is in service")


def await_that(holds: Callable[[], bool], what: str, patience_seconds: float = 60.0) -> None:
    """Raises AssertionError with `what` when it does not hold in time."""
    deadline = time.monotonic() + patience_seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain that {what}"
        time.sleep(0.05)


def _status(sagemaker: Any) -> str:
    status = str(sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"])
    assert status in ("Creating", "InService"), status
    return status
