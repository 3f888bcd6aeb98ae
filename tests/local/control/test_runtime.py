"""InvokeEndpointAsync, and what the runtime refuses, through boto3."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from quire_endpoint.local.control.app import SageMakerApplication
from quire_endpoint.local.faults import Fault, FaultKind
from tests.local.control.running_api import BUCKET, RunningApi

INPUT = f"s3://{BUCKET}/in/letter.pdf"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def endpoint(api: RunningApi) -> RunningApi:
    """With an endpoint named `letters` in service."""
    api.endpoint(output={"S3FailurePath": f"s3://{BUCKET}/failed/"})
    return api


def invoked(api: RunningApi, name: str = "letters", **members: Any) -> dict[str, Any]:
    if "Body" not in members:
        members.setdefault("InputLocation", INPUT)
    answer: dict[str, Any] = api.runtime.invoke_endpoint_async(EndpointName=name, **members)
    return answer


def refused(api: RunningApi, name: str = "letters", **members: Any) -> tuple[str, str]:
    """The error's code and message. Nothing is checked before it is sent."""
    unchecked = api.clients.runtime(is_checked=False)
    with pytest.raises(ClientError) as caught:
        unchecked.invoke_endpoint_async(EndpointName=name, **{"InputLocation": INPUT, **members})
    assert api.host.submitted == []
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_answer_is_on_the_wire_as_aws_writes_it(endpoint: RunningApi) -> None:
    answer = invoked(endpoint, InferenceId="doc-1")
    about = answer["ResponseMetadata"]
    assert (about["HTTPStatusCode"], answer["InferenceId"]) == (202, "doc-1")
    assert about["HTTPHeaders"]["x-amzn-sagemaker-outputlocation"] == answer["OutputLocation"]
    assert about["HTTPHeaders"]["x-amzn-sagemaker-failurelocation"] == answer["FailureLocation"]
    assert about["HTTPHeaders"]["content-type"] == "application/json"
    assert about["RequestId"]


def test_the_keys_are_uuids_of_their_own(endpoint: RunningApi) -> None:
    identity = str(uuid.uuid4())
    answer = invoked(endpoint, InferenceId=identity)
    output = re.fullmatch(rf"s3://{BUCKET}/out/({UUID})\.out", answer["OutputLocation"])
    failure = re.fullmatch(rf"s3://{BUCKET}/failed/({UUID})-error\.out", answer["FailureLocation"])
    assert output and failure
    assert identity not in (output[1], failure[1])
    assert invoked(endpoint, InferenceId=identity)["OutputLocation"] != answer["OutputLocation"]


def test_an_id_is_made_where_none_is_given(endpoint: RunningApi) -> None:
    answer = invoked(endpoint)
    assert re.fullmatch(UUID, answer["InferenceId"])
    assert answer["InferenceId"] not in answer["OutputLocation"]


def test_without_a_failure_path_there_is_no_failure_location(api: RunningApi) -> None:
    api.endpoint()
    answer = invoked(api)
    assert "FailureLocation" not in answer
    assert "x-amzn-sagemaker-failurelocation" not in answer["ResponseMetadata"]["HTTPHeaders"]
    assert api.host.submitted[0].failure is None


def test_every_member_reaches_the_queue(endpoint: RunningApi) -> None:
    answer = invoked(
        endpoint,
        ContentType="application/pdf",
        Accept="application/json",
        CustomAttributes="deadline=60; x",
        InferenceId="a b~",
        RequestTTLSeconds=60,
        InvocationTimeoutSeconds=3600,
    )
    (queued,) = endpoint.host.submitted
    assert (queued.endpoint_name, queued.inference_id, str(queued.input)) == ("letters", "a b~", INPUT)
    assert (queued.content_type, queued.accept) == ("application/pdf", "application/json")
    assert queued.custom_attributes == "deadline=60; x"
    assert (queued.ttl_seconds, queued.timeout_seconds) == (60, 3600)
    assert (str(queued.output), str(queued.failure)) == (answer["OutputLocation"], answer["FailureLocation"])
    assert queued.received_seconds == pytest.approx(endpoint.clock.now(), abs=60)


def test_what_is_not_sent_has_the_documented_defaults(endpoint: RunningApi) -> None:
    invoked(endpoint)
    (queued,) = endpoint.host.submitted
    assert (queued.ttl_seconds, queued.timeout_seconds) == (21600, 900)
    assert (queued.content_type, queued.accept, queued.custom_attributes, queued.body) == (None,) * 4


def test_the_new_members_name_the_output(endpoint: RunningApi) -> None:
    named = invoked(endpoint, S3OutputPathExtension="/2026/11/", Filename="letter.json")
    assert named["OutputLocation"] == f"s3://{BUCKET}/out/2026/11/letter.json"
    assert re.fullmatch(rf"s3://{BUCKET}/failed/{UUID}-error\.out", named["FailureLocation"])
    placed = invoked(endpoint, S3OutputPathExtension="2026")
    assert re.fullmatch(rf"s3://{BUCKET}/out/2026/{UUID}\.out", placed["OutputLocation"])


def test_an_address_of_s3_is_an_input_location(endpoint: RunningApi) -> None:
    for address in (
        f"https://{BUCKET}.s3.us-east-1.amazonaws.com/in/a%20b.pdf",
        f"https://s3.us-east-1.amazonaws.com/{BUCKET}/in/a%20b.pdf",
    ):
        invoked(endpoint, InputLocation=address)
    assert {str(one.input) for one in endpoint.host.submitted} == {f"s3://{BUCKET}/in/a b.pdf"}


def test_a_missing_input_is_accepted_here(endpoint: RunningApi) -> None:
    """It fails when it is downloaded."""
    invoked(endpoint, InputLocation="s3://no-such-bucket")
    assert len(endpoint.host.submitted) == 1


def test_an_inline_body_goes_to_a_file(endpoint: RunningApi) -> None:
    body = bytes(range(256)) * 500
    assert len(body) == 128_000
    invoked(endpoint, Body=body, ContentType="application/octet-stream")
    (queued,) = endpoint.host.submitted
    assert queued.input is None
    assert queued.body is not None
    assert (queued.body.parent, queued.body.read_bytes()) == (endpoint.bodies, body)


def test_an_inline_body_has_its_limit(endpoint: RunningApi) -> None:
    code, message = refused(endpoint, InputLocation=None, Body=bytes(128_001))
    assert code == "ValidationError"
    assert "128001 bytes" in message
    assert list(endpoint.bodies.iterdir()) == []


@pytest.mark.parametrize(
    "members", [{"Body": b"x"}, {"InputLocation": None}, {"InputLocation": None, "Body": b""}]
)
def test_there_is_exactly_one_input(endpoint: RunningApi, members: dict[str, Any]) -> None:
    code, message = refused(endpoint, **members)
    assert (code, "exactly one of Body and InputLocation" in message) == ("ValidationError", True)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"RequestTTLSeconds": 59}, "Value '59' at 'requestTTLSeconds' failed to satisfy constraint: "),
        ({"RequestTTLSeconds": 21601}, "value less than or equal to 21600"),
        ({"InvocationTimeoutSeconds": 0}, "value greater than or equal to 1"),
        ({"InvocationTimeoutSeconds": 7200}, "value less than or equal to 3600"),
        ({"InferenceId": "i" * 65}, "length less than or equal to 64"),
        ({"InputLocation": "nope"}, "at 'inputLocation'"),
        ({"InputLocation": "http://b/k"}, "at 'inputLocation'"),
        ({"InputLocation": "https://example.com/k"}, "is not in Amazon S3"),
        ({"InputLocation": "s3://b/" + "k" * 1018}, "length less than or equal to 1024"),
        ({"ContentType": "t" * 1025}, "at 'contentType'"),
        ({"Accept": "t" * 1025}, "at 'accept'"),
        ({"CustomAttributes": "t" * 1025}, "at 'customAttributes'"),
        ({"Filename": "a/b"}, "at 'filename'"),
        ({"Filename": "a.b.c"}, "at 'filename'"),
        ({"Filename": ".a"}, "at 'filename'"),
        ({"Filename": "f" * 33}, "length less than or equal to 32"),
        ({"S3OutputPathExtension": "s3:x"}, "at 's3OutputPathExtension'"),
        ({"S3OutputPathExtension": "a b"}, "at 's3OutputPathExtension'"),
        ({"S3OutputPathExtension": "e" * 513}, "length less than or equal to 512"),
        ({"name": "n" * 64}, "at 'endpointName'"),
        ({"name": "under_score"}, "at 'endpointName'"),
        ({"RequestTTLSeconds": 1, "InvocationTimeoutSeconds": 3601}, "2 validation errors detected: "),
    ],
)  # fmt: skip
def test_limits_and_patterns_hold(endpoint: RunningApi, members: dict[str, Any], message: str) -> None:
    code, said = refused(endpoint, **members)
    assert (code, message in said) == ("ValidationError", True), said


def test_boto3_knows_the_error_by_its_type(endpoint: RunningApi) -> None:
    runtime = endpoint.clients.runtime(is_checked=False)
    with pytest.raises(endpoint.runtime.exceptions.ClientError) as caught:
        runtime.invoke_endpoint_async(EndpointName="letters", InputLocation="nope")
    assert type(caught.value).__name__ == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ValidationError"


@pytest.mark.parametrize("members", [{"InferenceId": "größe"}, {"InputLocation": f"s3://{BUCKET}/größe"}])
def test_what_no_signature_covers_fails_as_it_would(endpoint: RunningApi, members: dict[str, Any]) -> None:
    code, message = refused(endpoint, **members)
    assert code == "InvalidSignatureException"
    assert message.startswith("The request signature we calculated does not match")


@pytest.mark.parametrize("name", ["nobody", "Letters"])
def test_an_endpoint_is_found_by_its_exact_name_only(endpoint: RunningApi, name: str) -> None:
    assert refused(endpoint, name=name) == (
        "ValidationError",
        f"Endpoint {name} of account 123456789012 not found.",
    )


def test_an_endpoint_is_found_in_its_region_only(endpoint: RunningApi) -> None:
    west = endpoint.clients.runtime("us-west-2")
    with pytest.raises(ClientError, match="not found"):
        west.invoke_endpoint_async(EndpointName="letters", InputLocation=INPUT)


def test_an_endpoint_takes_requests_while_it_is_in_service(api: RunningApi) -> None:
    api.model()
    api.config()
    api.sagemaker.create_endpoint(EndpointName="letters", EndpointConfigName="plain")
    assert "not found" in refused(api)[1]
    api.host.fail("letters", "no")
    assert "not found" in refused(api)[1]


def test_an_endpoint_takes_requests_at_zero_instances_and_while_it_is_updated(endpoint: RunningApi) -> None:
    endpoint.host.set_desired_count("letters", 0)
    invoked(endpoint)
    endpoint.host.settle("letters")
    invoked(endpoint)
    assert len(endpoint.host.submitted) == 2


def test_an_endpoint_that_is_being_deleted_takes_none(endpoint: RunningApi) -> None:
    endpoint.sagemaker.delete_endpoint(EndpointName="letters")
    assert "not found" in refused(endpoint)[1]


def test_the_synchronous_calls_are_refused(endpoint: RunningApi) -> None:
    for call in (endpoint.runtime.invoke_endpoint, endpoint.runtime.invoke_endpoint_with_response_stream):
        with pytest.raises(endpoint.runtime.exceptions.ValidationError, match="use InvokeEndpointAsync"):
            call(EndpointName="letters", Body=b"x" * 100_000)
        with pytest.raises(endpoint.runtime.exceptions.ValidationError, match="not found"):
            call(EndpointName="nobody", Body=b"x")


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (FaultKind.THROTTLING, "ThrottlingException", 400),
        (FaultKind.UNAVAILABLE, "ServiceUnavailable", 503),
    ],
)
def test_faults_strike_as_often_as_they_may(
    endpoint: RunningApi, kind: FaultKind, code: str, status: int
) -> None:
    endpoint.faults.add(Fault(kind, "letters", times=1))
    with pytest.raises(ClientError) as caught:
        invoked(endpoint)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert endpoint.host.submitted == []
    invoked(endpoint)


def test_an_endpoint_that_goes_meanwhile_leaves_no_file(endpoint: RunningApi, tmp_path: Path) -> None:
    endpoint.host.loses_its_endpoints = True
    assert "not found" in refused(endpoint, InputLocation=None, Body=b"x")[1]
    assert list(endpoint.bodies.iterdir()) == []


def test_a_call_whose_output_would_have_a_key_that_s3_does_not_take_is_refused(api: RunningApi) -> None:
    api.endpoint("long", output={"S3OutputPath": f"s3://{BUCKET}/{'o' * 480}"})
    code, message = refused(api, "long", S3OutputPathExtension="x" * 512)
    assert code == "ValidationError" and "1034 bytes" in message
    assert invoked(api, "long", S3OutputPathExtension="x" * 502)["OutputLocation"]


def test_bodies_that_a_run_that_was_killed_has_left_are_deleted(endpoint: RunningApi) -> None:
    endpoint.runtime.invoke_endpoint_async(EndpointName="letters", Body=b"inline")
    foreign = endpoint.bodies / "notes.txt"
    foreign.write_bytes(b"x")
    assert len(list(endpoint.bodies.iterdir())) == 2
    SageMakerApplication(endpoint.host, endpoint.objects, endpoint.clock, endpoint.faults, endpoint.bodies)
    assert list(endpoint.bodies.iterdir()) == [foreign]
