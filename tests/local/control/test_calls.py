"""What no SDK sends: requests made by hand."""

from __future__ import annotations

import json

import pytest
import urllib3

from quire_endpoint.local.control.arns import Kind, arn
from quire_endpoint.local.control.call import MAX_JSON_BYTES
from tests.local.control.running_api import RunningApi


def sent(api: RunningApi, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
    """The status, the error's type, and its message."""
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", f"{api.clients.url}{path}", body=body, headers=headers, retries=False)
    return answer.status, answer.headers["x-amzn-ErrorType"], json.loads(answer.data)["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"{}" + b" " * MAX_JSON_BYTES])
def test_what_is_no_json_object_is_no_request(api: RunningApi, body: bytes) -> None:
    status, kind, _ = sent(api, "/", body, {"X-Amz-Target": "SageMaker.ListModels"})
    assert (status, kind) == (400, "SerializationException")


@pytest.mark.parametrize("path", ["/", "/endpoints/letters", "/endpoints/letters/other", "/endpoints//a/b"])
def test_another_path_is_not_served(api: RunningApi, path: str) -> None:
    status, kind, message = sent(api, path, b"", {})
    assert (status, kind) == (400, "UnknownOperationException")
    assert message == f"The local endpoint does not serve POST {path}."


def test_a_number_that_is_none_is_refused(api: RunningApi) -> None:
    api.endpoint()
    headers = {"X-Amzn-SageMaker-RequestTTLSeconds": "soon", "X-Amzn-SageMaker-InputLocation": "s3://b/k"}
    status, kind, message = sent(api, "/endpoints/letters/async-invocations", b"", headers)
    assert (status, kind) == (400, "ValidationError")
    assert "Value 'soon' at 'requestTTLSeconds'" in message


def test_members_that_nobody_knows_are_passed_over(api: RunningApi) -> None:
    body = json.dumps({"ModelName": "none", "Newer": {"x": [1]}}).encode()
    _, kind, message = sent(api, "/", body, {"X-Amz-Target": "SageMaker.DescribeModel"})
    assert (kind, "Could not find model" in message) == ("ValidationException", True)


def test_members_that_are_null_are_as_if_missing(api: RunningApi) -> None:
    body = json.dumps({"ModelName": None}).encode()
    _, _, message = sent(api, "/", body, {"X-Amz-Target": "SageMaker.DescribeModel"})
    assert message == (
        "1 validation error detected: Value null at 'modelName' failed to satisfy constraint: "
        "Member must not be null"
    )


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")]
)
def test_arns_name_their_partition(region: str, partition: str) -> None:
    assert arn(Kind.CONFIG, region, "Plain") == (
        f"arn:{partition}:sagemaker:{region}:123456789012:endpoint-config/plain"
    )
