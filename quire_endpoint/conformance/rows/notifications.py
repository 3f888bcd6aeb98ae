"""What does SNS deliver?"""

from __future__ import annotations

import base64
import re
from typing import Any

from quire_endpoint.conformance.plans import NOTIFYING
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage

_GUIDE = "Developer Guide, async-inference-check-predictions"
_CREATING = "Developer Guide, async-inference-create-endpoint"
_CAPTURED = "messages captured from real endpoints"
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_LARGE_BYTES = 128 * 1024 + 1


def _success(stage: Stage, **members: Any) -> dict[str, Any]:
    ticket = stage.invoke(stage.endpoint(NOTIFYING), {"text": "fine"}, **members)
    return stage.mailbox.first(ticket.inference_id).message


def _error(stage: Stage) -> dict[str, Any]:
    ticket = stage.invoke(stage.endpoint(NOTIFYING), {"status": 500, "text": "broken"})
    return stage.mailbox.first(ticket.inference_id).message


@Claim(
    Subject.NOTIFICATIONS,
    "CreateEndpoint sends a test notification to both topics.",
    Proof.DOCUMENTED,
    _CREATING,
    (NOTIFYING,),
)
def test_on_create(stage: Stage) -> None:
    stage.endpoint(NOTIFYING)
    mailbox = stage.mailbox

    def look() -> bool | None:
        mailbox.listen()
        return {one.topic for one in mailbox.kept if one.is_test} == {"success", "error"} or None

    stage.target.until(look, 120, "test notification at both topics")
    test = next(one for one in mailbox.kept if one.is_test)
    wanted = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}
    same(test.message, wanted)


@Claim(
    Subject.NOTIFICATIONS,
    "A change of the number of instances sends another test notification.",
    Proof.DOCUMENTED,
    _CREATING,
    (NOTIFYING,),
    minutes=1,
)
def test_on_weights(stage: Stage) -> None:
    deployed = stage.endpoint(NOTIFYING)
    before = stage.mailbox.tests()
    weights = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]
    stage.clients.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=deployed.name, DesiredWeightsAndCapacities=weights
    )
    stage.target.until(lambda: stage.mailbox.tests() > before or None, 120, "further test notification")
    stage.deployment.await_status(deployed.name)


@Claim(
    Subject.NOTIFICATIONS,
    "A success is told at the success topic alone.",
    Proof.DOCUMENTED,
    _GUIDE,
    (NOTIFYING,),
)
def success_topic(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(NOTIFYING), {"text": "fine"})
    same(stage.mailbox.first(ticket.inference_id).topic, "success")


@Claim(
    Subject.NOTIFICATIONS,
    "The message of a success has the documented fields and values.",
    Proof.DOCUMENTED,
    _GUIDE,
    (NOTIFYING,),
)
def success_fields(stage: Stage) -> None:
    deployed = stage.endpoint(NOTIFYING)
    ticket = stage.invoke(deployed, {"text": "fine"}, Accept="application/json")
    message = stage.mailbox.first(ticket.inference_id).message
    fixed = {
        "awsRegion": stage.target.region,
        "invocationStatus": "Completed",
        "inferenceId": ticket.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    same({name: message.get(name) for name in fixed}, fixed)
    requested = message["requestParameters"]
    same((requested["endpointName"], requested["accept"]), (deployed.name, "application/json"))
    same(requested["contentType"], "application/json")
    expect(str(requested["inputLocation"]).startswith(f"s3://{stage.target.bucket}/"), requested)
    answered = {"contentType": "application/json", "outputLocation": str(ticket.output)}
    same(message["responseParameters"], answered)


@Claim(
    Subject.NOTIFICATIONS,
    "What the call did not send is missing among requestParameters.",
    Proof.SEEN,
    _CAPTURED,
    (NOTIFYING,),
)
def missing_members(stage: Stage) -> None:
    requested = _success(stage, ContentType=None)["requestParameters"]
    expect(not {"contentType", "accept"} & set(requested), requested)


@Claim(
    Subject.NOTIFICATIONS,
    "Times are ISO 8601 with milliseconds and Z; receivedTime is not after eventTime.",
    Proof.DOCUMENTED,
    _GUIDE,
    (NOTIFYING,),
)
def times(stage: Stage) -> None:
    message = _success(stage)
    received, sent = message["receivedTime"], message["eventTime"]
    expect(all(re.fullmatch(_DATE, one) for one in (received, sent)) and received <= sent, (received, sent))


@Claim(Subject.NOTIFICATIONS, "The message has no Subject.", Proof.SEEN, _CAPTURED, (NOTIFYING,))
def no_subject(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(NOTIFYING), {"text": "fine"})
    same(stage.mailbox.first(ticket.inference_id).envelope.get("Subject"), None)


@Claim(
    Subject.NOTIFICATIONS,
    "IncludeInferenceResponseIn puts the body into the message, as base64.",
    Proof.SEEN,
    "a message captured from a real endpoint, 2025-08-03",
    (NOTIFYING,),
)
def body_in_message(stage: Stage) -> None:
    told = _success(stage)["responseBody"]
    same(base64.b64decode(told["content"]), b"fine")
    same(told["encoding"], "BASE64")
    message = "Check S3 path location(if configured) or Cloudwatch for additional details."
    same(told["message"], message)


@Claim(
    Subject.NOTIFICATIONS,
    "A body of more than 128 KB is left out of the message.",
    Proof.DOCUMENTED,
    "botocore, sagemaker 2017-07-24",
    (NOTIFYING,),
)
def large_body_left_out(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(NOTIFYING), {"size_bytes": _LARGE_BYTES})
    told = stage.mailbox.first(ticket.inference_id).message.get("responseBody", {})
    expect(not told.get("content"), f"{len(told.get('content', ''))} characters of it")


@Claim(Subject.NOTIFICATIONS, "A failure is told at the error topic.", Proof.DOCUMENTED, _GUIDE, (NOTIFYING,))
def error_topic(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(NOTIFYING), {"status": 500, "text": "broken"})
    same(stage.mailbox.first(ticket.inference_id).topic, "error")


@Claim(
    Subject.NOTIFICATIONS,
    "The message of a failure says Failed and gives a failureReason that names the status.",
    Proof.SEEN,
    "a third party's docstring",
    (NOTIFYING,),
)
def error_fields(stage: Stage) -> None:
    message = _error(stage)
    same((message["invocationStatus"], message["eventName"]), ("Failed", "InferenceResult"))
    expect("Received server error (500)" in message["failureReason"], message["failureReason"])


@Claim(
    Subject.NOTIFICATIONS,
    "A request is told of once.",
    Proof.AWS_CODE,
    "sagemaker-python-sdk, inference_config",
    (NOTIFYING,),
)
def told_once(stage: Stage) -> None:
    deployed = stage.endpoint(NOTIFYING)
    tickets = [stage.invoke(deployed, {"text": "fine"}) for _ in range(5)]
    for ticket in tickets:
        stage.mailbox.first(ticket.inference_id)
    stage.target.wait(60)
    counts = [len(stage.mailbox.of(ticket.inference_id)) for ticket in tickets]
    same(counts, [1] * len(tickets))


ROWS = (
    test_on_create,
    test_on_weights,
    success_topic,
    success_fields,
    missing_members,
    times,
    no_subject,
    body_in_message,
    large_body_left_out,
    error_topic,
    error_fields,
    told_once,
)
