"""How does InvokeEndpointAsync become an invocation in the queue?"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control import runtime_limits as limits
from quire_endpoint.local.control import sentences
from quire_endpoint.local.control.call import Call, Reply, refusal
from quire_endpoint.local.control.constraints import sentence
from quire_endpoint.local.control.errors import (
    ApiError,
    InvalidSignatureException,
    ServiceUnavailable,
    ThrottlingException,
    UnknownOperationException,
    ValidationError,
)
from quire_endpoint.local.control.locations import s3_location
from quire_endpoint.local.faults import FaultKind, Faults
from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.ports import EndpointHost, NoSuchEndpoint
from quire_endpoint.local.specs import EndpointSpec, EndpointStatus
from quire_endpoint.s3_location import NoS3Location, S3Location

_ROUTE = re.compile(r"/endpoints/(?P<endpoint>[^/]*)/(?P<operation>[a-z-]+)")
_SUFFIX = ".body"
_SYNCHRONOUS = ("invocations", "invocations-response-stream")
_TAKES_REQUESTS = (EndpointStatus.IN_SERVICE, EndpointStatus.UPDATING, EndpointStatus.ROLLING_BACK)


class Runtime:
    """Inline bodies are written to files beneath `folder`, which belong to the host once it has taken the
    invocation; those that an earlier run left are deleted."""

    def __init__(self, host: EndpointHost, clock: Clock, faults: Faults, folder: Path) -> None:
        self._host, self._clock, self._faults, self._folder = host, clock, faults, folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"*{_SUFFIX}"):
            left.unlink()

    def answer(self, call: Call) -> Reply:
        try:
            return self._answered(call)
        except ApiError as error:
            return refusal(error, "application/json")

    def _answered(self, call: Call) -> Reply:
        route = _ROUTE.fullmatch(call.path)
        if route is None or call.method != "POST":
            raise UnknownOperationException(sentences.not_served(f"{call.method} {call.path}"))
        if not all(value.isascii() for value in call.headers.values()):
            raise InvalidSignatureException(sentences.BAD_SIGNATURE)
        endpoint_name = route["endpoint"]
        if route["operation"] == "async-invocations":
            return self._invoke(endpoint_name, call)
        if route["operation"] in _SYNCHRONOUS:
            raise ValidationError(sentences.asynchronous_only(self._spec(endpoint_name, call.region).name))
        raise UnknownOperationException(sentences.not_served(f"{call.method} {call.path}"))

    def _invoke(self, endpoint_name: str, call: Call) -> Reply:
        self._strike(endpoint_name)
        found = [*limits.name_violations(endpoint_name), *limits.header_violations(call.headers)]
        if found:
            raise ValidationError(sentence(found))
        spec = self._spec(endpoint_name, call.region)
        _check_one_input(call)
        invocation = self._invocation(spec, call)
        try:
            self._host.submit(invocation)
        except NoSuchEndpoint as error:
            if invocation.body is not None:
                invocation.body.unlink(missing_ok=True)
            raise ValidationError(sentences.no_endpoint(endpoint_name)) from error
        return _accepted(invocation)

    def _strike(self, endpoint_name: str) -> None:
        if self._faults.strikes(FaultKind.THROTTLING, endpoint_name):
            raise ThrottlingException("Rate exceeded")
        if self._faults.strikes(FaultKind.UNAVAILABLE, endpoint_name):
            raise ServiceUnavailable("The service is currently unavailable.")

    def _spec(self, endpoint_name: str, region: str) -> EndpointSpec:
        """Of an endpoint that takes requests. Raises ValidationError."""
        try:
            spec, state = self._host.spec(endpoint_name), self._host.state(endpoint_name)
        except NoSuchEndpoint as error:
            raise ValidationError(sentences.no_endpoint(endpoint_name)) from error
        if spec.region != region or state.status not in _TAKES_REQUESTS:
            raise ValidationError(sentences.no_endpoint(endpoint_name))
        return spec

    def _invocation(self, spec: EndpointSpec, call: Call) -> Invocation:
        headers, key = call.headers, str(uuid.uuid4())
        output = _output(spec, key, headers)
        failure = spec.failure.beneath(f"{key}-error.out") if spec.failure else None
        _check_keys(output, failure)
        uri = headers.get(limits.INPUT_LOCATION.header)
        return Invocation(
            endpoint_name=spec.name,
            inference_id=headers.get(limits.INFERENCE_ID.header) or str(uuid.uuid4()),
            received_seconds=self._clock.now(),
            output=output,
            failure=failure,
            input=_input(uri) if uri else None,
            body=None if uri else self._spooled(call),
            content_type=headers.get(limits.CONTENT_TYPE.header) or None,
            accept=headers.get(limits.ACCEPT.header) or None,
            custom_attributes=headers.get(limits.CUSTOM_ATTRIBUTES.header) or None,
            **_seconds(headers),
        )

    def _spooled(self, call: Call) -> Path:
        path = self._folder / f"{uuid.uuid4()}{_SUFFIX}"
        path.write_bytes(call.body(limits.MAX_BODY_BYTES))
        return path


def _check_one_input(call: Call) -> None:
    """AWS documents that the call fails, not with which words."""
    has_location = limits.INPUT_LOCATION.header in call.headers
    if has_location == (call.body_bytes > 0):
        raise ValidationError("Provide exactly one of Body and InputLocation: they are mutually exclusive.")
    if call.body_bytes > limits.MAX_BODY_BYTES:
        raise ValidationError(
            f"Body has {call.body_bytes} bytes: an inline payload has at most {limits.MAX_BODY_BYTES}."
        )


def _input(uri: str) -> S3Location:
    try:
        return s3_location(uri)
    except NoS3Location as error:
        raise ValidationError(f"InputLocation {uri} is not in Amazon S3.") from error


def _output(spec: EndpointSpec, key: str, headers: Mapping[str, str]) -> S3Location:
    """Where the two new members lead is assumed: AWS documents no example."""
    extension = headers.get(limits.PATH_EXTENSION.header, "").strip("/")
    prefix = spec.output.beneath(extension) if extension else spec.output
    return prefix.beneath(headers.get(limits.FILENAME.header) or f"{key}.out")


def _check_keys(*locations: S3Location | None) -> None:
    """That S3 takes them. Neither AWS's limit nor its words are known; ours."""
    for location in locations:
        num_bytes = len(location.key.encode("utf-8", "surrogatepass")) if location else 0
        if num_bytes > limits.MAX_KEY_BYTES:
            raise ValidationError(
                f"The key of {location} has {num_bytes} bytes: S3 takes at most {limits.MAX_KEY_BYTES}."
            )


def _seconds(headers: Mapping[str, str]) -> dict[str, Any]:
    """Those that the caller sent, under the invocation's names."""
    named = {"ttl_seconds": limits.TTL_SECONDS, "timeout_seconds": limits.TIMEOUT_SECONDS}
    return {name: int(headers[its.header]) for name, its in named.items() if its.header in headers}


def _accepted(invocation: Invocation) -> Reply:
    headers = {"X-Amzn-SageMaker-OutputLocation": str(invocation.output)}
    if invocation.failure is not None:
        headers["X-Amzn-SageMaker-FailureLocation"] = str(invocation.failure)
    return Reply(202, {"InferenceId": invocation.inference_id}, headers)
