"""How is InvokeEndpointAsync called, whichever boto3 is installed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.s3_location import S3Location, location_of


@dataclass(frozen=True)
class Answer:
    """`failure` is None where the endpoint has no failure path."""

    output: S3Location | None
    failure: S3Location | None


class Runtime:
    """The endpoint named, through a boto3 client that repeats nothing by itself: what is called twice may be
    submitted twice, and only the ledger decides on that."""

    def __init__(self, client: Any, endpoint_name: str) -> None:
        self._client = client
        self._endpoint_name = endpoint_name
        operation = client.meta.service_model.operation_model("InvokeEndpointAsync")
        self._members = frozenset(operation.input_shape.members)

    @property
    def takes_body(self) -> bool:
        """boto3 knows it since June 2026."""
        return "Body" in self._members

    def call(self, job: Job, attempt: Attempt, content: S3Location | bytes) -> Answer:
        """Raises botocore's ClientError and BotoCoreError."""
        request = job.request
        arguments = {
            "EndpointName": self._endpoint_name,
            "InferenceId": attempt.inference_id,
            "ContentType": job.content_type,
            "CustomAttributes": request.attributes(job.reference),
            "RequestTTLSeconds": request.ttl_seconds,
            "InvocationTimeoutSeconds": request.timeout_seconds,
        }
        if request.accept is not None:
            arguments["Accept"] = request.accept
        if "Filename" in self._members:
            arguments["Filename"] = attempt.token
        name = "Body" if isinstance(content, bytes) else "InputLocation"
        arguments[name] = content if isinstance(content, bytes) else str(content)
        answer = self._client.invoke_endpoint_async(**arguments)
        return Answer(location_of(answer.get("OutputLocation")), location_of(answer.get("FailureLocation")))
