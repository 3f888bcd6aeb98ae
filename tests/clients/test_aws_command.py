"""The AWS CLI: what a user types."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.aws_program import aws_program
from tests.clients.conftest import Served

REQUEST = b'{"do": {"seconds": 0.3, "text": "typed"}}'


@pytest.fixture(scope="module")
def aws() -> str:
    return aws_program()


def run(aws: str, served: Served, *arguments: str) -> str:
    done = subprocess.run([aws, *arguments], env=served.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(aws: str, served: Served, *arguments: str) -> Any:
    return json.loads(run(aws, served, *arguments, "--output", "json"))


def test_copy_invoke_wait_and_copy_back(aws: str, served: Served, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_bytes(REQUEST)
    source = f"s3://{served.bucket}/typed/request.json"
    run(aws, served, "s3", "cp", str(tmp_path / "request.json"), source)
    given = ("--endpoint-name", served.endpoint_name, "--input-location", source)
    answer = told(aws, served, "sagemaker-runtime", "invoke-endpoint-async", *given)
    bucket, key = answer["OutputLocation"].removeprefix("s3://").split("/", 1)
    run(aws, served, "s3api", "wait", "object-exists", "--bucket", bucket, "--key", key)
    assert run(aws, served, "s3", "cp", answer["OutputLocation"], "-") == "typed"
    assert "-error.out" in answer["FailureLocation"]


def test_body_is_sent_inline(aws: str, served: Served, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_bytes(REQUEST)
    given = ("--endpoint-name", served.endpoint_name, "--body", f"fileb://{tmp_path / 'request.json'}")
    answer = told(aws, served, "sagemaker-runtime", "invoke-endpoint-async", *given)
    bucket, key = answer["OutputLocation"].removeprefix("s3://").split("/", 1)
    run(aws, served, "s3api", "wait", "object-exists", "--bucket", bucket, "--key", key)


def test_endpoint_is_listed_described_and_waited_for(aws: str, served: Served) -> None:
    named = ("--endpoint-name", served.endpoint_name)
    run(aws, served, "sagemaker", "wait", "endpoint-in-service", *named)
    (variant,) = told(aws, served, "sagemaker", "describe-endpoint", *named)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1
    listed = told(aws, served, "sagemaker", "list-endpoints", "--name-contains", served.endpoint_name)
    assert [one["EndpointStatus"] for one in listed["Endpoints"]] == ["InService"]
