"""The AWS CLI against the API."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from tests.aws_program import aws_program
from tests.local.control.running_api import BUCKET, IMAGE, ROLE, RunningApi


def aws(api: RunningApi, *arguments: str) -> Any:
    """What it prints as JSON."""
    done = subprocess.run(
        [aws_program(), *arguments],
        env={
            "AWS_ENDPOINT_URL": api.clients.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "PATH": os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


def test_an_endpoint_is_made_waited_for_and_invoked(api: RunningApi) -> None:
    container = f"Image={IMAGE},Environment={{A=b}}"
    aws(api, "sagemaker", "create-model", "--model-name", "m", "--primary-container", container,
        "--execution-role-arn", ROLE)  # fmt: skip
    aws(api, "sagemaker", "create-endpoint-config", "--endpoint-config-name", "c", "--production-variants",
        "VariantName=all,ModelName=m,InstanceType=ml.g5.xlarge,InitialInstanceCount=1",
        "--async-inference-config", f"OutputConfig={{S3OutputPath=s3://{BUCKET}/out}}")  # fmt: skip
    made = aws(api, "sagemaker", "create-endpoint", "--endpoint-name", "e", "--endpoint-config-name", "c")
    assert made["EndpointArn"] == "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/e"
    api.host.settle("e")
    aws(api, "sagemaker", "wait", "endpoint-in-service", "--endpoint-name", "e")
    answer = aws(api, "sagemaker-runtime", "invoke-endpoint-async", "--endpoint-name", "e",
                 "--input-location", f"s3://{BUCKET}/in", "--inference-id", "one")  # fmt: skip
    assert answer["InferenceId"] == "one"
    assert answer["OutputLocation"].startswith(f"s3://{BUCKET}/out/")
