"""What a notification is taken to say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from quire_endpoint.client.finding import Nothing
from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.client.notices import Notice, notice_of
from quire_endpoint.client.outcomes import Expired, Failed, ModelError, Succeeded
from quire_endpoint.client.request import Request
from quire_endpoint.client.verdicts import Next, verdict
from quire_endpoint.s3_location import S3Location

OUT = S3Location("out", "a.out")
COMPLETED: dict[str, Any] = {
    "awsRegion": "us-east-1",
    "eventTime": "2024-03-29T03:48:05.077Z",
    "receivedTime": "2024-03-29T03:48:04.279Z",
    "invocationStatus": "Completed",
    "requestParameters": {"endpointName": "e", "inputLocation": "s3://in/a"},
    "responseParameters": {"contentType": "application/json", "outputLocation": "s3://out/a.out"},
    "inferenceId": "id-1",
    "eventVersion": "1.0",
    "eventSource": "aws:sagemaker",
    "eventName": "InferenceResult",
}
FAILED = {
    **{name: value for name, value in COMPLETED.items() if name != "responseParameters"},
    "invocationStatus": "Failed",
    "failureReason": "ClientError: Received server error (500) from model.",
}
JOB = Job(1, "a.pdf", None, "application/pdf", Request(), "0", calls=1, attempt=Attempt(1, "t", "id-1", 0.0))


def test_completed() -> None:
    assert notice_of(json.dumps(COMPLETED)) == Notice("id-1", True, "", OUT)


def test_in_snss_envelope() -> None:
    envelope = {"Type": "Notification", "Subject": None, "Message": json.dumps(COMPLETED)}
    assert notice_of(json.dumps(envelope)) == Notice("id-1", True, "", OUT)


@pytest.mark.parametrize("place", ["top", "response"])
def test_failed_wherever_its_location_stands(place: str) -> None:
    where = {"failureLocation": "s3://fail/a-error.out"}
    said = {**FAILED, **(where if place == "top" else {"responseParameters": where})}
    failure = S3Location("fail", "a-error.out")
    assert notice_of(json.dumps(said)) == Notice("id-1", False, str(FAILED["failureReason"]), None, failure)


@pytest.mark.parametrize(
    "text",
    [
        '{"eventVersion":"1.0","eventSource":"aws:sagemaker","eventName":"TestNotification"}',
        json.dumps({**COMPLETED, "eventName": "TestNotification"}),
        "not json",
        "[]",
        "null",
        '{"Type": "Notification"}',
        '{"Records": []}',
        json.dumps({**COMPLETED, "responseParameters": "text"}),
    ],
)
def test_what_tells_of_nothing(text: str) -> None:
    assert notice_of(text) is None


def test_failure_without_an_object_is_the_reason() -> None:
    told = notice_of(json.dumps(FAILED))
    assert verdict(JOB, Nothing(), told, is_late=False) == Failed(
        "a.pdf", "id-1", 1, ModelError(str(FAILED["failureReason"]))
    )


def test_failure_that_names_the_ttl_is_expired() -> None:
    told = notice_of(json.dumps({**FAILED, "failureReason": "Request expired in the queue"}))
    assert verdict(JOB, Nothing(), told, is_late=False) == Expired(
        "a.pdf", "id-1", 1, "Request expired in the queue"
    )


def test_answer_that_the_caller_may_not_read_has_come_all_the_same() -> None:
    told = notice_of(json.dumps(COMPLETED))
    assert verdict(JOB, Nothing(is_denied=True), told, is_late=False) == Succeeded("a.pdf", "id-1", 1, OUT)
    assert verdict(JOB, Nothing(), told, is_late=False) is Next.WAIT
