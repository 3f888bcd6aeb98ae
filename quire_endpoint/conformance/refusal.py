"""How was a call refused?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from quire_endpoint.conformance.row import Differs, expect


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error. `exception` is the name of the class that boto3 raised, `error_type` the
    header x-amzn-ErrorType."""

    code: str
    status: int
    message: str
    exception: str
    error_type: str | None


def refusal(call: Callable[[], object]) -> Refusal:
    """Raises Differs where the call is accepted."""
    try:
        answer = call()
    except ClientError as error:
        told, meta = error.response["Error"], error.response["ResponseMetadata"]
        return Refusal(
            told.get("Code", ""),
            meta["HTTPStatusCode"],
            told.get("Message", ""),
            type(error).__name__,
            meta.get("HTTPHeaders", {}).get("x-amzn-errortype"),
        )
    raise Differs(f"accepted: {answer}")


def refused(call: Callable[[], object], code: str, status: int = 400, words: str = "") -> None:
    """Raises Differs unless the call is refused in this way, its message holding `words`."""
    seen = refusal(call)
    is_alike = seen.code == code and seen.status == status and words.lower() in seen.message.lower()
    expect(is_alike, f"{seen.status} {seen.code}: {seen.message}")
