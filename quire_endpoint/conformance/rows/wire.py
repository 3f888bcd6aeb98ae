"""What does InvokeEndpointAsync answer?"""

from __future__ import annotations

from quire_endpoint.conformance.plans import BARE, MAIN
from quire_endpoint.conformance.refusal import refusal, refused
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage

_MODEL = "botocore, sagemaker-runtime 2017-05-13"
_INLINE = "Developer Guide, async-inference-invoke-endpoint"
MAX_INLINE_BYTES = 128_000


@Claim(Subject.WIRE, "The call is answered with status 202.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def answered_202(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN))
    same(ticket.response["ResponseMetadata"]["HTTPStatusCode"], 202)


@Claim(Subject.WIRE, "The InferenceId of the call is the one answered.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def inference_id_kept(stage: Stage) -> None:
    wanted = f"{stage.mark}/an id_with:signs"
    same(stage.invoke(stage.endpoint(MAIN), InferenceId=wanted).inference_id, wanted)


@Claim(Subject.WIRE, "A call without InferenceId is given one.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def inference_id_made(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    first, second = stage.invoke(deployed).inference_id, stage.invoke(deployed).inference_id
    expect(bool(first) and first != second, (first, second))


@Claim(Subject.WIRE, "The output location travels in a header.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def output_location_in_header(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN))
    headers = ticket.response["ResponseMetadata"]["HTTPHeaders"]
    same(headers.get("x-amzn-sagemaker-outputlocation"), str(ticket.output))


@Claim(Subject.WIRE, "The failure location travels in a header.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def failure_location_in_header(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN))
    headers = ticket.response["ResponseMetadata"]["HTTPHeaders"]
    same(headers.get("x-amzn-sagemaker-failurelocation"), str(ticket.failure))


@Claim(
    Subject.NO_FAILURE_PATH,
    "Without S3FailurePath the answer names no failure location.",
    Proof.AWS_CODE,
    "sagemaker-python-sdk, pull request 3867",
    (BARE,),
)
def no_failure_location(stage: Stage) -> None:
    same(stage.invoke(stage.endpoint(BARE)).response.get("FailureLocation"), None)


@Claim(
    Subject.NO_FAILURE_PATH,
    "Without S3FailurePath a failed request writes no object.",
    Proof.ASSUMED,
    "follows from there being no place for it",
    (BARE,),
)
def no_failure_object(stage: Stage) -> None:
    deployed = stage.endpoint(BARE)
    ticket = stage.invoke(deployed, {"status": 500, "text": "broken"})
    stage.succeeded(stage.invoke(deployed))
    stage.target.wait(30)
    same(stage.found(ticket), None)


@Claim(
    Subject.WIRE,
    "An error is a ValidationError of status 400, which boto3 raises by that name.",
    Proof.DOCUMENTED,
    _MODEL,
    (MAIN,),
)
def validation_error(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    seen = refusal(lambda: stage.invoke(deployed, InputLocation="nope"))
    same((seen.code, seen.status, seen.exception), ("ValidationError", 400, "ValidationError"))


@Claim(
    Subject.WIRE,
    "The header x-amzn-ErrorType names the error.",
    Proof.AWS_CODE,
    "botocore, how it parses errors of rest-json",
    (MAIN,),
)
def error_type_header(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    error_type = refusal(lambda: stage.invoke(deployed, InputLocation="nope")).error_type or ""
    same(error_type.partition(":")[0], "ValidationError")


@Claim(
    Subject.WIRE, "An unknown endpoint is refused with a ValidationError.", Proof.ASSUMED, "no example found"
)
def unknown_endpoint(stage: Stage) -> None:
    location = stage.put(b"{}")
    refused(
        lambda: stage.clients.runtime.invoke_endpoint_async(
            EndpointName=f"{stage.mark}-nowhere", InputLocation=location
        ),
        "ValidationError",
    )


@Claim(
    Subject.WIRE,
    "The endpoint's name must be written in the case in which it was created.",
    Proof.DOCUMENTED,
    "API reference, CreateEndpoint",
    (MAIN,),
)
def name_in_its_case(stage: Stage) -> None:
    deployed, location = stage.endpoint(MAIN), stage.put(b"{}")
    refused(
        lambda: stage.clients.runtime.invoke_endpoint_async(
            EndpointName=deployed.name.upper(), InputLocation=location
        ),
        "ValidationError",
    )


@Claim(Subject.WIRE, "A small body may come inline.", Proof.DOCUMENTED, _INLINE, (MAIN,))
def inline_body(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN), Body=b"inline")
    same(stage.report(ticket)["body_bytes"], len(b"inline"))


@Claim(Subject.WIRE, "An inline body may have 128,000 bytes.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def largest_inline_body(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN), Body=b"i" * MAX_INLINE_BYTES)
    same(stage.report(ticket)["body_bytes"], MAX_INLINE_BYTES)


@Claim(Subject.WIRE, "An inline body of 128,001 bytes is refused.", Proof.DOCUMENTED, _INLINE, (MAIN,))
def larger_inline_body(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    refused(lambda: stage.invoke(deployed, Body=b"i" * (MAX_INLINE_BYTES + 1)), "ValidationError")


@Claim(
    Subject.WIRE, "InputLocation and an inline body exclude each other.", Proof.DOCUMENTED, _INLINE, (MAIN,)
)
def body_and_location(stage: Stage) -> None:
    deployed, location = stage.endpoint(MAIN), stage.put(b"{}")
    refused(lambda: stage.invoke(deployed, Body=b"inline", InputLocation=location), "ValidationError")


@Claim(
    Subject.WIRE,
    "A call with neither InputLocation nor a body is refused.",
    Proof.ASSUMED,
    "InputLocation was required before bodies came inline",
    (MAIN,),
)
def neither_body_nor_location(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    refused(
        lambda: stage.clients.runtime.invoke_endpoint_async(EndpointName=deployed.name), "ValidationError"
    )


@Claim(
    Subject.WIRE,
    "A missing input object is accepted, and fails later.",
    Proof.ASSUMED,
    "the metric RequestDownloadFailures",
    (MAIN,),
)
def missing_input_accepted(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    ticket = stage.invoke(deployed, InputLocation=f"s3://{stage.target.bucket}/{stage.mark}/inputs/none")
    expect(bool(ticket.inference_id), "no id")
    stage.succeeded(stage.invoke(deployed))
    found = stage.found(ticket)
    expect(found is None or not found.is_output, "it has an output")


@Claim(
    Subject.WIRE,
    "A header with signs outside ASCII fails as a wrong signature.",
    Proof.SEEN,
    "a third party's note on file names in InferenceId",
    (MAIN,),
)
def foreign_signs(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    seen = refusal(lambda: stage.invoke(deployed, InferenceId="Größe"))
    same(seen.code, "InvalidSignatureException")


@Claim(
    Subject.REAL_TIME,
    "InvokeEndpoint is refused on an asynchronous endpoint.",
    Proof.SEEN,
    "strands-agents/harness-sdk, issue 1969",
    (MAIN,),
)
def real_time_refused(stage: Stage) -> None:
    deployed, runtime = stage.endpoint(MAIN), stage.clients.runtime
    refused(lambda: runtime.invoke_endpoint(EndpointName=deployed.name, Body=b"{}"), "ValidationError")


@Claim(
    Subject.REAL_TIME,
    "InvokeEndpointWithResponseStream is refused on an asynchronous endpoint.",
    Proof.ASSUMED,
    "as InvokeEndpoint is",
    (MAIN,),
)
def stream_refused(stage: Stage) -> None:
    deployed, runtime = stage.endpoint(MAIN), stage.clients.runtime
    refused(
        lambda: runtime.invoke_endpoint_with_response_stream(EndpointName=deployed.name, Body=b"{}"),
        "ValidationError",
    )


ROWS = (
    answered_202,
    inference_id_kept,
    inference_id_made,
    output_location_in_header,
    failure_location_in_header,
    no_failure_location,
    no_failure_object,
    validation_error,
    error_type_header,
    unknown_endpoint,
    name_in_its_case,
    inline_body,
    largest_inline_body,
    larger_inline_body,
    body_and_location,
    neither_body_nor_location,
    missing_input_accepted,
    foreign_signs,
    real_time_refused,
    stream_refused,
)
