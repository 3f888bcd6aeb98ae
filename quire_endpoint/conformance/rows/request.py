"""What does the container get of a request?"""

from __future__ import annotations

import hashlib
from typing import Any

from quire_endpoint.conformance.plans import MAIN
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage

_DEEP_JAVA = "djl-serving, ConfigManager.java"
_GUIDE = "Developer Guide, async-inference"


def _headers(report: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in report["headers"]}


@Claim(
    Subject.WIRE, "The container gets the object's bytes, not its address.", Proof.DOCUMENTED, _GUIDE, (MAIN,)
)
def bytes_of_the_object(stage: Stage) -> None:
    body = bytes(range(256)) * 2048
    report = stage.report(stage.invoke(stage.endpoint(MAIN), body))
    same(report["body_sha256"], hashlib.sha256(body).hexdigest())


@Claim(
    Subject.WIRE,
    "A request is the same to the container, inline or from S3.",
    Proof.DOCUMENTED,
    "AWS Machine Learning Blog, 2026-06-17",
    (MAIN,),
)
def inline_and_from_s3_alike(stage: Stage) -> None:
    deployed, body = stage.endpoint(MAIN), b"the same bytes"
    told = [
        stage.report(stage.invoke(deployed, body, ContentType="text/plain", Accept="text/csv", **members))
        for members in ({}, {"Body": body})
    ]
    first, second = ({**_headers(one), "sha256": one["body_sha256"]} for one in told)
    for varying in ("x-amzn-sagemaker-inference-id", "host"):
        first.pop(varying, None), second.pop(varying, None)
    same(second, first)


@Claim(
    Subject.WIRE,
    "ContentType and Accept arrive unchanged, a multipart boundary with them.",
    Proof.AWS_CODE,
    "aws/deep-learning-containers, docs/whisperx",
    (MAIN,),
)
def content_type_and_accept(stage: Stage) -> None:
    content_type = 'multipart/form-data; boundary="a-b_c"'
    ticket = stage.invoke(
        stage.endpoint(MAIN), b"--a-b_c--", ContentType=content_type, Accept="text/csv;q=0.5"
    )
    headers = _headers(stage.report(ticket))
    same((headers.get("content-type"), headers.get("accept")), (content_type, "text/csv;q=0.5"))


@Claim(
    Subject.WIRE,
    "CustomAttributes arrive verbatim in X-Amzn-SageMaker-Custom-Attributes.",
    Proof.AWS_CODE,
    "aws/deep-learning-containers, sagemaker_serve.py of vLLM",
    (MAIN,),
)
def custom_attributes(stage: Stage) -> None:
    attributes = 'pages=1-5; ref="Nr. 7"; x=' + "y" * 990
    ticket = stage.invoke(stage.endpoint(MAIN), CustomAttributes=attributes)
    same(_headers(stage.report(ticket)).get("x-amzn-sagemaker-custom-attributes"), attributes)


@Claim(
    Subject.WIRE,
    "The inference id arrives in X-Amzn-SageMaker-Inference-Id.",
    Proof.AWS_CODE,
    _DEEP_JAVA,
    (MAIN,),
)
def inference_id_header(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN))
    same(_headers(stage.report(ticket)).get("x-amzn-sagemaker-inference-id"), ticket.inference_id)


@Claim(
    Subject.WIRE,
    "No header tells the container how long it has.",
    Proof.ASSUMED,
    "none is documented",
    (MAIN,),
)
def no_deadline_header(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN), RequestTTLSeconds=7777, InvocationTimeoutSeconds=1234)
    told = [pair for pair in _headers(stage.report(ticket)).items() if pair[1] in ("7777", "1234")]
    expect(not told, told)


@Claim(
    Subject.WIRE,
    "A call without ContentType leaves the container without the object's type.",
    Proof.ASSUMED,
    "not documented; switch is-object-type-forwarded",
    (MAIN,),
)
def no_content_type(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN), ContentType=None)
    expect(_headers(stage.report(ticket)).get("content-type") != "application/json", "the object's type")


@Claim(
    Subject.WIRE,
    "The container is started with the argument serve.",
    Proof.DOCUMENTED,
    "Developer Guide, your-algorithms-inference-code",
    (MAIN,),
)
def started_with_serve(stage: Stage) -> None:
    same(stage.ask(stage.endpoint(MAIN))["arguments"], ["serve"])


@Claim(
    Subject.WIRE,
    "The model's Environment is the container's.",
    Proof.DOCUMENTED,
    "botocore, sagemaker 2017-07-24",
    (MAIN,),
)
def environment_arrives(stage: Stage) -> None:
    told = stage.ask(stage.endpoint(MAIN))["environ"]
    same(told.get("CONFORMANCE_WORD"), MAIN.environment["CONFORMANCE_WORD"])


ROWS = (
    bytes_of_the_object,
    inline_and_from_s3_alike,
    content_type_and_accept,
    custom_attributes,
    inference_id_header,
    no_deadline_header,
    no_content_type,
    started_with_serve,
    environment_arrives,
)
