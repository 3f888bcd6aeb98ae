"""What does S3 answer, and how does it become a WSGI response?"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import BinaryIO
from wsgiref.types import StartResponse, WSGIEnvironment

from quire_endpoint.local.s3.aws_chunked import BLOCK_BYTES
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.xml_text import Node, document


@dataclass(frozen=True)
class Answer:
    """`file` stands at the first byte to send; its Content-Length is among the headers."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: BinaryIO | None = None

    @classmethod
    def xml(cls, root: Node, headers: Mapping[str, str] | None = None) -> Answer:
        """200, with a document."""
        return cls(200, {"Content-Type": "application/xml", **(headers or {})}, document(root))

    @classmethod
    def of_error(cls, error: S3Error, call: S3Call) -> Answer:
        """As S3 writes errors; a HEAD's has no body, so that clients see the status alone."""
        details = [Node(name, value) for name, value in error.details.items()]
        resource = Node("Resource", f"/{call.bucket}/{call.key}".rstrip("/") or "/")
        nodes = [Node("Code", error.code), Node("Message", error.message), *details, resource]
        text = document(Node("Error", [*nodes, Node("RequestId", uuid.uuid4().hex[:16].upper())]), "")
        return cls(error.status, {"Content-Type": "application/xml"}, b"" if call.method == "HEAD" else text)

    def send(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """As a WSGI application returns it."""
        request_id = uuid.uuid4().hex[:16].upper()
        headers = {"x-amz-request-id": request_id, "x-amz-id-2": request_id}
        headers |= self.headers
        headers.setdefault("Content-Length", str(len(self.body)))
        phrase = HTTPStatus(self.status).phrase
        start_response(f"{self.status} {phrase}", [(name, _latin(value)) for name, value in headers.items()])
        if self.file is None:
            return [self.body] if self.body else []
        sent: Iterable[bytes] = environ["wsgi.file_wrapper"](self.file, BLOCK_BYTES)
        return sent


def http_date(seconds: float) -> str:
    """As in Last-Modified."""
    return formatdate(seconds, usegmt=True)


def _latin(value: str) -> str:
    """UTF-8 in a header, as WSGI wants it handed over."""
    return value.encode("utf-8").decode("latin-1")
