"""What boto3's caller sees of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def error_of(call: Any, **arguments: Any) -> tuple[str, int]:
    """The code and the status of the error that the call must meet."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def body_of(answer: Any) -> bytes:
    with answer["Body"] as stream:
        return bytes(stream.read())
