"""What does the endpoint's data-log say of an invocation?

The sentences on a status, on Content-Length and on headers are those that the field reports (issue 203 of
the Developer Guide, djl-serving issue 2567, aws/deep-learning-containers issue 4668); the message beside
status 0 on a time-out is the real-time endpoint's, and the others are ours."""

from __future__ import annotations

from quire_endpoint.local.clock import as_date
from quire_endpoint.local.invocation import MAX_HEADER_BYTES

MAX_MESSAGE_BYTES = 1024
"""Of a container's answer that a line quotes. AWS's own limit is not known."""

NO_LENGTH = "The response from container primary did not specify the required Content-Length header"
LONG_HEADERS = (
    "Response received from the primary container has headers with length greater than "
    f"{MAX_HEADER_BYTES} bytes"
)


def line(seconds: float, inference_id: str, sentence: str) -> str:
    """As CloudWatch shows it: 2022-03-23T11:23:17.723:[sagemaker logs] [id] sentence."""
    date = as_date(seconds).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{date}:[sagemaker logs] [{inference_id}] {sentence}"


def model_error(status: int, body: bytes) -> str:
    """Of an answer that is not 2xx; status 0 where there was none."""
    message = " ".join(body[:MAX_MESSAGE_BYTES].decode("utf-8", "replace").splitlines())
    return f'Received {_kind(status)} error ({status}) from primary with message "{message}"'


def timed_out() -> str:
    return model_error(0, b"Your invocation timed out while waiting for a response from container primary.")


def broken(reason: str) -> str:
    return model_error(0, f"The connection to container primary failed: {reason}".encode())


def too_large(num_bytes: int, max_bytes: int) -> str:
    return f"The response from container primary has {num_bytes} bytes, more than the {max_bytes} allowed"


def not_kept(reason: str) -> str:
    return f"The response from container primary could not be kept: {reason}"


def told_reason(status: int) -> str:
    """Of a model error, as the error notification gives it."""
    return (
        f"ClientError: Received {_kind(status)} error ({status}) from model. "
        "See the SageMaker Endpoint logs in your account for more information."
    )


def _kind(status: int) -> str:
    return "client" if 400 <= status < 500 else "server"
