"""What is one accepted invocation, and how may it end?"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from quire_endpoint.s3_location import S3Location

MAX_HEADER_BYTES = 4096
"""Of all response headers together, names and values: aws/deep-learning-containers issue 4668."""

MAX_NOTIFIED_BODY_BYTES = 128 * 1024
"""Of a response body in a notification: IncludeInferenceResponseIn of CreateEndpointConfig."""


_next_number: Callable[[], int] = itertools.count(1).__next__


@dataclass(frozen=True)
class Invocation:
    """InvokeEndpointAsync, checked. Its body lies in S3 at `input`, or, sent inline, in the file `body`: one
    of the two is set. `output` and `failure` are objects, named when the call is accepted; `failure` is None
    where the endpoint has no failure path. Times are the clock's; None in what the caller did not send.
    `number` is its own alone, as its inference id need not be."""

    endpoint_name: str
    inference_id: str
    received_seconds: float
    output: S3Location
    failure: S3Location | None
    input: S3Location | None = None
    body: Path | None = None
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None
    ttl_seconds: int = 21600
    timeout_seconds: int = 900
    number: int = field(default_factory=_next_number)

    def __post_init__(self) -> None:
        if (self.input is None) == (self.body is None):
            raise ValueError("an invocation has an input location or a body of its own, and not both")

    @property
    def expires_seconds(self) -> float:
        """When it has waited too long."""
        return self.received_seconds + self.ttl_seconds


class Ending(enum.StrEnum):
    """How an invocation ended, as the endpoint knows it."""

    COMPLETED = "completed"
    MODEL_ERROR = "model-error"
    """The container answered 4xx or 5xx: final."""
    BAD_RESPONSE = "bad-response"
    """The container answered what async does not take: no Content-Length, headers too long, a cut body."""
    TIMED_OUT = "timed-out"
    EXPIRED = "expired"
    """Waited in the queue longer than its TTL."""
    DOWNLOAD_FAILED = "download-failed"
    UPLOAD_FAILED = "upload-failed"
    LOST = "lost"
    """Its instance went away; nothing is written and nobody is told."""
    DROPPED = "dropped"
    """Its endpoint was deleted while it waited or ran."""
