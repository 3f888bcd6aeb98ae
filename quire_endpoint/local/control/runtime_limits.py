"""Within which limits does InvokeEndpointAsync take its members, all of which are headers? They stand here,
and not in the installed botocore's model, because older versions do not know all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quire_endpoint.local.control.constraints import clause, length_limit, pattern_limit, value_limit

MAX_BODY_BYTES = 128_000
"""Of an inline body: the Developer Guide, "async-inference-invoke-endpoint"."""

MAX_KEY_BYTES = 1024
"""Of an object in S3, as UTF-8: the S3 User Guide, "object-keys"."""

_ASCII = r"[\x00-\x7f]*"


@dataclass(frozen=True)
class Text:
    """A header and the limits of its value, from the model of SageMaker Runtime of 2017-05-13."""

    member: str
    header: str
    most: int
    pattern: str
    least: int = 0


@dataclass(frozen=True)
class Number:
    member: str
    header: str
    least: int
    most: int


CONTENT_TYPE = Text("contentType", "x-amzn-sagemaker-content-type", 1024, _ASCII)
ACCEPT = Text("accept", "x-amzn-sagemaker-accept", 1024, _ASCII)
CUSTOM_ATTRIBUTES = Text("customAttributes", "x-amzn-sagemaker-custom-attributes", 1024, _ASCII)
INFERENCE_ID = Text("inferenceId", "x-amzn-sagemaker-inference-id", 64, r"[!-~][ -~]*", 1)
INPUT_LOCATION = Text(
    "inputLocation", "x-amzn-sagemaker-inputlocation", 1024, r"^(https|s3)://([^/]+)/?(.*)$", 1
)
PATH_EXTENSION = Text(
    "s3OutputPathExtension",
    "x-amzn-sagemaker-s3outputpathextension",
    512,
    r"^(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+$",
    1,
)
FILENAME = Text("filename", "x-amzn-sagemaker-filename", 32, r"^(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9-_\.]*$", 1)
TTL_SECONDS = Number("requestTTLSeconds", "x-amzn-sagemaker-requestttlseconds", 60, 21600)
TIMEOUT_SECONDS = Number("invocationTimeoutSeconds", "x-amzn-sagemaker-invocationtimeoutseconds", 1, 3600)

TEXTS = (CONTENT_TYPE, ACCEPT, CUSTOM_ATTRIBUTES, INFERENCE_ID, INPUT_LOCATION, PATH_EXTENSION, FILENAME)
NUMBERS = (TTL_SECONDS, TIMEOUT_SECONDS)

ENDPOINT_NAME_PATTERN = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
MAX_ENDPOINT_NAME = 63


def header_violations(headers: Mapping[str, str]) -> Iterator[str]:
    """A clause for each, as the control plane words them."""
    for text in TEXTS:
        if (value := headers.get(text.header)) is not None:
            limits = [*length_limit(len(value), text.least, text.most), *pattern_limit(value, text.pattern)]
            yield from (clause(value, text.member, limit) for limit in limits)
    for number in NUMBERS:
        if (value := headers.get(number.header)) is not None:
            yield from (clause(value, number.member, limit) for limit in _number_limits(value, number))


def name_violations(endpoint_name: str) -> Iterator[str]:
    limits = [
        *length_limit(len(endpoint_name), 0, MAX_ENDPOINT_NAME),
        *pattern_limit(endpoint_name, ENDPOINT_NAME_PATTERN),
    ]
    yield from (clause(endpoint_name, "endpointName", limit) for limit in limits)


def _number_limits(value: str, number: Number) -> Iterator[str]:
    try:
        read = int(value)
    except ValueError:
        yield "Member must be an integer"
        return
    yield from value_limit(read, number.least, number.most)
