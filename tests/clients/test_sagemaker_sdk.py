"""The SageMaker Python SDK: v2's asynchronous predictor, its boto3 without inline bodies; v3's endpoint."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.clients.conftest import Served

HERE = Path(__file__).parent


def printed(python: Path, program: str, served: Served, *arguments: str) -> Any:
    """The last line, in JSON."""
    done = subprocess.run(
        [python, HERE / program, *arguments], env=served.environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def told(sagemaker_2: Path, served: Served) -> Any:
    name = f"sdk-{uuid.uuid4().hex[:8]}"
    given = (served.endpoint_name, name, served.role, served.bucket)
    return printed(sagemaker_2, "ask_sagemaker_2.py", served, *given)


def test_its_boto3_is_one_without_inline_bodies(told: Any) -> None:
    assert told["has_inline_body"] is False


def test_predict_waits_for_the_answer(told: Any) -> None:
    assert told["predict"] == {"pages": 1}


def test_predict_raises_the_models_error(told: Any) -> None:
    assert told["failure"].startswith("AsyncInferenceModelError: ")
    assert "no page could be read" in told["failure"]


def test_result_is_asked_for_once_and_later(told: Any) -> None:
    assert told["too_early"].startswith("ObjectNotExistedError")
    assert told["later"] == "later"


def test_predict_gives_up_when_its_waiter_does(told: Any) -> None:
    assert told["impatient"].startswith("PollingTimeoutError")


def test_model_is_deployed_and_asked(told: Any) -> None:
    assert told["deployed"] == {"answer": "deployed"}


def test_endpoint_of_v3_is_found_and_invoked(sagemaker_3: Path, served: Served) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=served.environ["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    s3.put_object(Bucket=served.bucket, Key="core/input.json", Body=b'{"do": {"text": "core"}}')
    location = f"s3://{served.bucket}/core/input.json"
    told = printed(sagemaker_3, "ask_sagemaker_3.py", served, served.endpoint_name, location)
    assert (told["status"], told["names"], told["inference_id"]) == (
        "InService",
        [served.endpoint_name],
        "core-1",
    )
    s3.get_waiter("object_exists").wait(
        Bucket=served.bucket,
        Key=told["output"].split("/", 3)[3],
        WaiterConfig={"Delay": 1, "MaxAttempts": 30},
    )
    assert told["failure"].endswith("-error.out")
