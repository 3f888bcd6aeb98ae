"""What do the notifications of an async endpoint say?

Fields and their order are those of three messages captured in production and of the Developer Guide, page
"async-inference-check-predictions"; a failure's are those of a third party's account of one."""

from __future__ import annotations

import base64
import json
from typing import Any

from quire_endpoint.local.clock import as_text
from quire_endpoint.local.invocation import Invocation

TEST = json.dumps({"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"})
"""Sent to both topics when an endpoint is created, updated or scaled: the Developer Guide, page
"async-inference-create-endpoint"."""

_BODY_MESSAGE = "Check S3 path location(if configured) or Cloudwatch for additional details."


def completed(
    invocation: Invocation, region: str, now: float, content_type: str | None, body: bytes | None
) -> str:
    """`content_type` is the response's; `body` its bytes where the notification is to include them."""
    response = _present(contentType=content_type, outputLocation=str(invocation.output))
    return _message(invocation, region, now, "Completed", None, response, body)


def failed(invocation: Invocation, region: str, now: float, reason: str, body: bytes | None) -> str:
    """`reason` is a sentence; `body` as above."""
    return _message(invocation, region, now, "Failed", reason, None, body)


def _message(
    invocation: Invocation,
    region: str,
    now: float,
    status: str,
    reason: str | None,
    response: dict[str, Any] | None,
    body: bytes | None,
) -> str:
    request = _present(
        accept=invocation.accept,
        contentType=invocation.content_type,
        endpointName=invocation.endpoint_name,
        inputLocation=None if invocation.input is None else str(invocation.input),
    )
    return json.dumps(
        _present(
            awsRegion=region,
            eventTime=as_text(now),
            receivedTime=as_text(invocation.received_seconds),
            invocationStatus=status,
            failureReason=reason,
            requestParameters=request,
            responseParameters=response,
            responseBody=None if body is None else _included(body),
            inferenceId=invocation.inference_id,
            eventVersion="1.0",
            eventSource="aws:sagemaker",
            eventName="InferenceResult",
        )
    )


def _included(body: bytes) -> dict[str, str]:
    return {"content": base64.b64encode(body).decode(), "message": _BODY_MESSAGE, "encoding": "BASE64"}


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
