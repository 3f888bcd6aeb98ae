"""Which values of InvokeEndpointAsync's members are refused? botocore sends nearly all of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from quire_endpoint.conformance.plans import MAIN
from quire_endpoint.conformance.refusal import refused
from quire_endpoint.conformance.row import Claim, Proof, Row, Subject, expect
from quire_endpoint.conformance.stage import Stage

_SOURCE = "botocore, sagemaker-runtime 2017-05-13"
_TOO_LONG = "x" * 1025


def _refusing(name: str, sentence: str, *requests: Mapping[str, object]) -> Row:
    """Each of the requests must be refused with a ValidationError."""

    def check(stage: Stage) -> None:
        deployed, location = stage.endpoint(MAIN), stage.put(b"{}")
        for request in requests:
            given = {"EndpointName": deployed.name, "InputLocation": location, **request}
            refused(
                partial(stage.clients.unchecked_runtime.invoke_endpoint_async, **given), "ValidationError"
            )

    return Row(name, Claim(Subject.WIRE, sentence, Proof.DOCUMENTED, _SOURCE, (MAIN,)), check)


def _taking(name: str, sentence: str, *requests: Mapping[str, Any]) -> Row:
    """Each of the requests must be accepted."""

    def check(stage: Stage) -> None:
        deployed = stage.endpoint(MAIN)
        for request in requests:
            expect(bool(stage.invoke(deployed, b"{}", **request).inference_id), request)

    return Row(name, Claim(Subject.WIRE, sentence, Proof.DOCUMENTED, _SOURCE, (MAIN,)), check)


ROWS = (
    _refusing(
        "input-location-pattern",
        "InputLocation must begin with s3:// or https:// and name a bucket.",
        {"InputLocation": "nope"},
        {"InputLocation": "ftp://bucket/key"},
        {"InputLocation": "s3:///key"},
    ),
    _refusing(
        "input-location-length",
        "InputLocation has at most 1,024 characters.",
        {"InputLocation": f"s3://bucket/{_TOO_LONG}"},
    ),
    _refusing("content-type-length", "ContentType has at most 1,024 characters.", {"ContentType": _TOO_LONG}),
    _refusing("accept-length", "Accept has at most 1,024 characters.", {"Accept": _TOO_LONG}),
    _refusing(
        "custom-attributes-length",
        "CustomAttributes has at most 1,024 characters.",
        {"CustomAttributes": _TOO_LONG},
    ),
    _refusing("inference-id-length", "InferenceId has at most 64 characters.", {"InferenceId": "x" * 65}),
    _taking("inference-id-of-64", "InferenceId may have 64 characters.", {"InferenceId": "x" * 64}),
    _refusing("ttl-below-60", "RequestTTLSeconds is at least 60.", {"RequestTTLSeconds": 59}),
    _refusing("ttl-above-21600", "RequestTTLSeconds is at most 21,600.", {"RequestTTLSeconds": 21601}),
    _taking(
        "ttl-within",
        "RequestTTLSeconds may be 60 and 21,600.",
        {"RequestTTLSeconds": 60},
        {"RequestTTLSeconds": 21600},
    ),
    _refusing("timeout-below-1", "InvocationTimeoutSeconds is at least 1.", {"InvocationTimeoutSeconds": 0}),
    _refusing(
        "timeout-above-3600",
        "InvocationTimeoutSeconds is at most 3,600.",
        {"InvocationTimeoutSeconds": 3601},
    ),
    _taking(
        "timeout-within",
        "InvocationTimeoutSeconds may be 1 and 3,600.",
        {"InvocationTimeoutSeconds": 1},
        {"InvocationTimeoutSeconds": 3600},
    ),
    _refusing(
        "extension-pattern",
        "S3OutputPathExtension begins with neither s3: nor https: and has no signs outside its pattern.",
        {"S3OutputPathExtension": "s3:elsewhere"},
        {"S3OutputPathExtension": "https:elsewhere"},
        {"S3OutputPathExtension": "a b"},
    ),
    _refusing(
        "extension-length",
        "S3OutputPathExtension has at most 512 characters.",
        {"S3OutputPathExtension": "x" * 513},
    ),
    _refusing(
        "filename-pattern",
        "Filename begins with a letter or digit, has one dot at most, and no slash.",
        {"Filename": "a/b"},
        {"Filename": ".out"},
        {"Filename": "a.b.c"},
    ),
    _refusing("filename-length", "Filename has at most 32 characters.", {"Filename": "x" * 33}),
)
