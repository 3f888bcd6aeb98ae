"""What does one request ask of S3: which bucket, which key, which subresource?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from quire_endpoint.local.s3.aws_chunked import BLOCK_BYTES, AwsChunked
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.s3_location import S3Location

_SUBRESOURCE = re.compile(
    "accelerate|acl|analytics|attributes|cors|delete|encryption|intelligent-tiering|inventory|legal-hold|"
    "lifecycle|location|logging|metrics|notification|object-lock|ownershipControls|partNumber|policy|"
    "policyStatus|publicAccessBlock|replication|requestPayment|restore|retention|select|session|tagging|"
    "torrent|uploadId|uploads|versioning|versions|website"
)
"""Query parameters that make a call another one."""

_VIRTUAL_HOST = re.compile(r"(?P<bucket>.+?)(\.s3([.-][a-z0-9-]+)?)?\.(localhost|amazonaws\.com)")
_NO_BUCKET = re.compile(r"(s3([.-][a-z0-9-]+)?\.)?(localhost|amazonaws\.com)")
_SCOPE = re.compile(r"(?:Credential=|^)[^/,\s]+/\d{8}/(?:(?P<region>[^/,]*)/)?[^/,]+/aws4_request")
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class S3Call:
    """A request, by its WSGI environment. `bucket` and `key` are empty where the call is of neither."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    environ: Mapping[str, Any]

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> S3Call:
        """The path is read from REQUEST_URI where the server gives it: PATH_INFO has lost leading slashes."""
        raw = environ.get("REQUEST_URI", "")
        path = urlsplit(raw).path if raw.startswith("http") else raw.partition("?")[0]
        text = unquote(path or quote(environ.get("PATH_INFO", ""), encoding="latin-1"))
        bucket, key = _address(environ.get("HTTP_HOST", ""), text.removeprefix("/"))
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        return cls(environ["REQUEST_METHOD"], bucket, key, query, environ)

    @property
    def location(self) -> S3Location:
        return S3Location(self.bucket, self.key)

    @property
    def subresource(self) -> str:
        """Empty for the bucket or the object itself; partNumber for a part of an upload."""
        return next(filter(_SUBRESOURCE.fullmatch, sorted(self.query)), "")

    @property
    def is_listing(self) -> bool:
        """Whether it asks for a bucket's objects."""
        return self.method == "GET" and bool(self.bucket) and not self.key and not self.subresource

    @property
    def region(self) -> str:
        """That of the signature's scope; us-east-1 where it has none."""
        signed = self.header("authorization") or self.query.get("X-Amz-Credential", "")
        found = _SCOPE.search(signed)
        return (found["region"] if found else None) or "us-east-1"

    @property
    def version_id(self) -> str:
        """Empty where none is named."""
        return self.query.get("versionId", "")

    def number(self, name: str, default: int) -> int:
        """Of the query. Raises S3Error InvalidArgument."""
        text = self.query.get(name) or str(default)
        if not (text.isascii() and text.isdigit()):
            raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
        return int(text)

    def header(self, name: str) -> str | None:
        """As text, whatever the case of `name`."""
        key = name.upper().replace("-", "_")
        value = self.environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
        return None if value is None else _text(value)

    def headers_beginning(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Names in lower case. A server that keeps the underscore of a name writes it ~5F, for WSGI has no
        other way."""
        start = "HTTP_" + prefix.upper().replace("-", "_")
        for key, value in self.environ.items():
            if key.startswith(start):
                yield key[len("HTTP_") :].lower().replace("_", "-").replace("~5f", "_"), _text(value)

    @property
    def is_aws_chunked(self) -> bool:
        encodings = (self.header("content-encoding") or "").split(",")
        signed = self.header("x-amz-content-sha256") or ""
        return "aws-chunked" in [one.strip() for one in encodings] or signed.startswith("STREAMING-")

    @cached_property
    def chunked(self) -> AwsChunked:
        """The body, where it is aws-chunked."""
        return AwsChunked(self.environ["wsgi.input"])

    def blocks(self) -> Iterator[bytes]:
        """The body's own bytes. Raises S3Error IncompleteBody where there are fewer than were announced."""
        if self.is_aws_chunked:
            announced = self.header("x-amz-decoded-content-length")
            return _counted(self.chunked.blocks(), int(announced) if announced else None)
        length = int(self.header("content-length") or 0)
        return _counted(_read(self.environ["wsgi.input"], length), length)

    def document(self) -> bytes:
        """The body of a call that carries XML. Raises S3Error where it is unreasonably long."""
        text = b""
        for block in self.blocks():
            text += block
            if len(text) > _MAX_DOCUMENT_BYTES:
                raise S3Error("MalformedXML", "The XML you provided is too long")
        return text


def _address(host: str, path: str) -> tuple[str, str]:
    """Path style, or virtual-host style at names that end in localhost or amazonaws.com."""
    name = host.partition(":")[0].lower()
    found = None if _NO_BUCKET.fullmatch(name) else _VIRTUAL_HOST.fullmatch(name)
    if found is not None:
        return found["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def _text(value: str) -> str:
    """WSGI hands headers over as latin-1; S3 reads UTF-8 in them."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _read(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (block := stream.read(min(length, BLOCK_BYTES))):
        length -= len(block)
        yield block


def _counted(blocks: Iterator[bytes], announced: int | None) -> Iterator[bytes]:
    seen = 0
    for block in blocks:
        seen += len(block)
        yield block
    if announced is not None and seen != announced:
        message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
        raise S3Error("IncompleteBody", message)
