"""AWS Lambda: what an async endpoint says of each invocation through SNS becomes an outcome.

Subscribed to the success and the error topic. Needs s3:GetObject on the endpoint's output and failure paths.
Needs no package but boto3."""

from __future__ import annotations

import json
from typing import Any

import boto3

HEAD_BYTES, FAILURE_BYTES = 4096, 65536

s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: object = None) -> list[dict[str, Any]]:
    """Returns the outcomes. SNS may send a message twice: what is done with an outcome must bear that."""
    messages = [json.loads(record["Sns"]["Message"]) for record in event["Records"]]
    outcomes = [outcome_of(message) for message in messages if "inferenceId" in message]
    for outcome in outcomes:
        print(json.dumps(outcome))
    return outcomes


def outcome_of(message: dict[str, Any]) -> dict[str, Any]:
    """A TestNotification, which every deployment sends, has no inferenceId and is left out above."""
    where = message.get("responseParameters") or {}
    outcome: dict[str, Any] = {"inference_id": message["inferenceId"]}
    if message["invocationStatus"] == "Completed":
        is_partial = b'"status":"partial"' in read(where["outputLocation"], HEAD_BYTES)
        return {
            **outcome,
            "output": where["outputLocation"],
            "status": "partial" if is_partial else "complete",
        }
    failure = message.get("failureLocation") or where.get("failureLocation")
    error = error_in(read(failure, FAILURE_BYTES)) if failure else {}
    return {**outcome, "status": "failed", "reason": message.get("failureReason"), **error}


def error_in(body: bytes) -> dict[str, Any]:
    """The container's own words, where it writes them as Quire does. `retryable` says whether to submit the
    document again."""
    try:
        error = json.loads(body)["error"]
        return {"code": error["code"], "message": error["message"], "retryable": error["retryable"]}
    except (ValueError, KeyError, TypeError):
        return {"message": body[:500].decode(errors="replace")}


def read(location: str, most_bytes: int) -> bytes:
    """No more than that: an answer may be larger than this function's memory."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read(most_bytes)
    return body
