"""Notifications and data-log lines, field for field."""

from __future__ import annotations

import base64
import json

from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.queue import data_log, notices
from quire_endpoint.s3_location import S3Location

RECEIVED, NOW = 1711684084.279, 1711684085.077
INVOCATION = Invocation(
    "async-embed-endpoint",
    "03a98604-cf1f-44d1-b9c4-801dcbbe792b",
    RECEIVED,
    S3Location("bucket", "out/dd334eb2.out"),
    S3Location("bucket", "failed/dd334eb2-error.out"),
    input=S3Location("bucket", "in/one"),
    content_type="application/json",
    accept="application/json",
)
SENT = {
    "accept": "application/json",
    "contentType": "application/json",
    "endpointName": "async-embed-endpoint",
    "inputLocation": "s3://bucket/in/one",
}
SIGNED = {
    "inferenceId": INVOCATION.inference_id,
    "eventVersion": "1.0",
    "eventSource": "aws:sagemaker",
    "eventName": "InferenceResult",
}
DATED = {
    "awsRegion": "us-east-1",
    "eventTime": "2024-03-29T03:48:05.077Z",
    "receivedTime": "2024-03-29T03:48:04.279Z",
}


def test_a_success_as_it_was_captured() -> None:
    told = json.loads(notices.completed(INVOCATION, "us-east-1", NOW, "application/json", None))
    expected = {
        **DATED,
        "invocationStatus": "Completed",
        "requestParameters": SENT,
        "responseParameters": {
            "contentType": "application/json",
            "outputLocation": "s3://bucket/out/dd334eb2.out",
        },
        **SIGNED,
    }
    assert told == expected and list(told) == list(expected)


def test_a_success_with_its_body() -> None:
    told = json.loads(notices.completed(INVOCATION, "us-east-1", NOW, None, b"\x00body"))
    assert told["responseBody"] == {
        "content": base64.b64encode(b"\x00body").decode(),
        "message": "Check S3 path location(if configured) or Cloudwatch for additional details.",
        "encoding": "BASE64",
    }
    assert "contentType" not in told["responseParameters"]


def test_a_failure_as_it_was_described() -> None:
    told = json.loads(notices.failed(INVOCATION, "us-east-1", NOW, data_log.told_reason(500), None))
    expected = {
        **DATED,
        "invocationStatus": "Failed",
        "failureReason": (
            "ClientError: Received server error (500) from model. "
            "See the SageMaker Endpoint logs in your account for more information."
        ),
        "requestParameters": SENT,
        **SIGNED,
    }
    assert told == expected and list(told) == list(expected)


def test_the_test_notification() -> None:
    assert json.loads(notices.TEST) == {
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "TestNotification",
    }


def test_data_log_lines() -> None:
    assert data_log.line(RECEIVED, "an-id", data_log.model_error(500, b"oh\nno")) == (
        "2024-03-29T03:48:04.279:[sagemaker logs] [an-id] "
        'Received server error (500) from primary with message "oh no"'
    )
    assert data_log.model_error(413, b"x" * 5000) == (
        f'Received client error (413) from primary with message "{"x" * data_log.MAX_MESSAGE_BYTES}"'
    )
    assert data_log.NO_LENGTH == (
        "The response from container primary did not specify the required Content-Length header"
    )
    assert data_log.LONG_HEADERS == (
        "Response received from the primary container has headers with length greater than 4096 bytes"
    )
