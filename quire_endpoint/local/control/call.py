"""What did a caller send, and how is it answered? HTTP on one side, the API's values on the other."""

from __future__ import annotations

import http
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quire_endpoint.local.control.errors import ApiError, SerializationException

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

DEFAULT_REGION = "us-east-1"
"""Of a call that is not signed."""

_REGION = re.compile(r"Credential=[^/,\s]+/\d{8}/(?P<region>[A-Za-z0-9-]+)/")


class Call:
    """One request. `headers` are named in lower case; their values are as latin-1 has the bytes."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.method = str(environ["REQUEST_METHOD"])
        self.path = str(environ.get("PATH_INFO", "/")) or "/"
        self.headers: Mapping[str, str] = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        self._input = environ["wsgi.input"]
        self._length = int(environ.get("CONTENT_LENGTH") or 0)

    @property
    def region(self) -> str:
        """Which the call was signed for."""
        found = _REGION.search(self.headers.get("authorization", ""))
        return found["region"] if found else DEFAULT_REGION

    def body(self, at_most: int) -> bytes:
        """Its first `at_most` bytes."""
        return bytes(self._input.read(min(self._length, at_most)))

    @property
    def body_bytes(self) -> int:
        """How long the whole body is."""
        return self._length


MAX_JSON_BYTES = 4 * 1024 * 1024
"""More than any request that the API's own limits allow."""


def read_json(call: Call) -> Any:
    """The request of a JSON operation, of whatever type. Raises SerializationException."""
    if call.body_bytes > MAX_JSON_BYTES:
        raise SerializationException(f"the request is longer than {MAX_JSON_BYTES} bytes")
    try:
        return json.loads(call.body(MAX_JSON_BYTES) or b"{}")
    except ValueError as error:
        raise SerializationException(f"the request is no JSON: {error}") from error


@dataclass(frozen=True)
class Reply:
    """`value` becomes the JSON body; None leaves it empty."""

    status: int
    value: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        body = b"" if self.value is None else json.dumps(self.value).encode()
        headers = {
            "Content-Type": self.media_type,
            "Content-Length": str(len(body)),
            "x-amzn-RequestId": str(uuid.uuid4()),
            **self.headers,
        }
        start_response(f"{self.status} {http.HTTPStatus(self.status).phrase}", list(headers.items()))
        return [body]


def refusal(error: ApiError, media_type: str) -> Reply:
    """The error where each protocol's clients look for it."""
    value = {"__type": error.code, "message": str(error), "Message": str(error)}
    return Reply(error.status, value, {"x-amzn-ErrorType": error.code}, media_type)
