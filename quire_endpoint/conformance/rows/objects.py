"""What is written to S3, and under which keys?"""

from __future__ import annotations

import re

from quire_endpoint.conformance.plans import MAIN
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage, Ticket

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GUIDE = "Developer Guide, async-inference-check-predictions"
_SOURCE_OF_FAILURES = "sagemaker-python-sdk, which raises the failure object's text as the model's error"
BROKEN = {"status": 500, "text": '{"error": "broken on request"}'}


def _failed(stage: Stage) -> Ticket:
    ticket = stage.invoke(stage.endpoint(MAIN), BROKEN)
    outcome = stage.outcome(ticket)
    expect(not outcome.is_output, "an output object")
    return ticket


@Claim(
    Subject.KEYS, "The output object is S3OutputPath, a uuid, and .out.", Proof.DOCUMENTED, _GUIDE, (MAIN,)
)
def output_key(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    key = stage.invoke(deployed).output.key
    expect(bool(re.fullmatch(rf"{deployed.output_prefix}/{_UUID}\.out", key)), key)


@Claim(
    Subject.KEYS,
    "The failure object is S3FailurePath, a uuid, and -error.out.",
    Proof.SEEN,
    "a path of a real endpoint",
    (MAIN,),
)
def failure_key(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    key = getattr(stage.invoke(deployed).failure, "key", "")
    expect(bool(re.fullmatch(rf"{deployed.failure_prefix}/{_UUID}-error\.out", key)), key)


@Claim(
    Subject.KEYS,
    "The keys do not hold the inference id, be it a uuid itself.",
    Proof.SEEN,
    "three notifications of real endpoints",
    (MAIN,),
)
def keys_without_inference_id(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    for inference_id in (None, f"{stage.mark}-own"):
        ticket = stage.invoke(deployed, InferenceId=inference_id)
        written = f"{ticket.output} {ticket.failure}"
        expect(ticket.inference_id not in written, written)


@Claim(
    Subject.KEYS,
    "The output object is the container's body, verbatim.",
    Proof.AWS_CODE,
    "aws/deep-learning-containers, deploy_video_sync.py",
    (MAIN,),
)
def output_verbatim(stage: Stage) -> None:
    text = "été\r\n\0 end"
    same(stage.succeeded(stage.invoke(stage.endpoint(MAIN), {"text": text})).body, text.encode())


@Claim(Subject.KEYS, "An empty body makes an empty object.", Proof.ASSUMED, "as any other body", (MAIN,))
def empty_output(stage: Stage) -> None:
    same(stage.succeeded(stage.invoke(stage.endpoint(MAIN), {"text": ""})).body, b"")


@Claim(
    Subject.KEYS,
    "A body of several megabytes is written whole.",
    Proof.DOCUMENTED,
    "Developer Guide, async-inference-troubleshooting",
    (MAIN,),
)
def large_output(stage: Stage) -> None:
    size = 20_000_000
    same(len(stage.succeeded(stage.invoke(stage.endpoint(MAIN), {"size_bytes": size})).body), size)


@Claim(
    Subject.KEYS,
    "The output object has the content type of the container's answer.",
    Proof.ASSUMED,
    "not documented",
    (MAIN,),
)
def output_content_type(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(MAIN), {"text": "a,b", "content_type": "text/csv"})
    same(stage.succeeded(ticket).content_type, "text/csv")


@Claim(
    Subject.KEYS,
    "The failure object is the body of the container's error.",
    Proof.AWS_CODE,
    _SOURCE_OF_FAILURES,
    (MAIN,),
)
def failure_verbatim(stage: Stage) -> None:
    outcome = stage.outcome(stage.invoke(stage.endpoint(MAIN), BROKEN))
    same((outcome.is_output, outcome.body), (False, str(BROKEN["text"]).encode()))


@Claim(Subject.KEYS, "A success writes no failure object.", Proof.DOCUMENTED, _GUIDE, (MAIN,))
def success_alone(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    ticket = stage.invoke(deployed)
    stage.succeeded(ticket)
    stage.target.wait(30)
    same(_keys(stage, str(deployed.failure_prefix), ticket), [])


@Claim(Subject.KEYS, "A failure writes no output object.", Proof.DOCUMENTED, _GUIDE, (MAIN,))
def failure_alone(stage: Stage) -> None:
    ticket = _failed(stage)
    stage.target.wait(30)
    same(_keys(stage, stage.endpoint(MAIN).output_prefix, ticket), [])


def _keys(stage: Stage, prefix: str, ticket: Ticket) -> list[str]:
    """Beneath the prefix, of this request."""
    number = ticket.output.key.rpartition("/")[2].removesuffix(".out")
    told = stage.clients.s3.list_objects_v2(Bucket=stage.target.bucket, Prefix=f"{prefix}/{number}")
    return [one["Key"] for one in told.get("Contents", [])]


@Claim(
    Subject.KEYS,
    "S3OutputPathExtension and Filename are the path and name beneath S3OutputPath.",
    Proof.ASSUMED,
    "no example found",
    (MAIN,),
)
def extension_and_filename(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    ticket = stage.invoke(deployed, S3OutputPathExtension="2026/november", Filename="report.json")
    same(ticket.output.key, f"{deployed.output_prefix}/2026/november/report.json")
    stage.succeeded(ticket)


ROWS = (
    output_key,
    failure_key,
    keys_without_inference_id,
    output_verbatim,
    empty_output,
    large_output,
    output_content_type,
    failure_verbatim,
    success_alone,
    failure_alone,
    extension_and_filename,
)
