"""What may come with an object, and what must be true of it?"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from quire_endpoint.local.s3.bodies import Bodies, Body
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.checksums import ALGORITHMS
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.records import DEFAULT_CONTENT_TYPE, KeptObject
from quire_endpoint.local.s3.store import Condition

MAX_METADATA_BYTES = 2048
"""Of all names and values: the User Guide, "Working with object metadata"."""

MAX_PUT_BYTES = 5 * 1024**3
_KEPT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
)
"""Encryption is told as it was asked for; nothing is encrypted."""

_CHECKSUM = "x-amz-checksum-"


def kept_headers(call: S3Call) -> dict[str, str]:
    """Those that go back with the object. Raises S3Error."""
    headers = {name: value for name in _KEPT if (value := call.header(name)) is not None}
    headers["content-type"] = headers.get("content-type") or DEFAULT_CONTENT_TYPE
    encodings = [one.strip() for one in (call.header("content-encoding") or "").split(",")]
    if own := ",".join(one for one in encodings if one and one != "aws-chunked"):
        headers["content-encoding"] = own
    metadata = dict(call.headers_beginning("x-amz-meta-"))
    size = sum(
        len(name.removeprefix("x-amz-meta-")) + len(value.encode()) for name, value in metadata.items()
    )
    if size > MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    return headers | metadata


def received(call: S3Call, bodies: Bodies) -> Body:
    """The request's body in a file, checked against whatever the client said of it. Raises S3Error."""
    announced = int(call.header("x-amz-decoded-content-length") or call.header("content-length") or 0)
    if announced > MAX_PUT_BYTES:
        raise S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size")
    body = bodies.receive(call.blocks(), _wanted(call))
    declared = _declared(call)
    try:
        _check_md5(call, body)
        for algorithm, value in declared.items():
            if body.checksums.get(algorithm, value) != value:
                message = f"The {algorithm.upper()} you specified did not match the calculated checksum."
                raise S3Error("BadDigest", message)
    except S3Error:
        bodies.drop(body)
        raise
    return Body(body.path, body.size_bytes, body.md5, {**declared, **body.checksums})


def condition_of(call: S3Call) -> Condition:
    """If-Match and If-None-Match of a write."""
    absent, matching = call.header("if-none-match"), call.header("if-match")

    def check(before: KeptObject | None) -> None:
        if absent is not None and before is not None and absent in ("*", f'"{before.etag}"', before.etag):
            raise precondition_failed("If-None-Match")
        if matching is not None:
            if before is None:
                raise S3Error("NoSuchKey", "The specified key does not exist.", Key=call.key)
            if matching not in ("*", f'"{before.etag}"', before.etag):
                raise precondition_failed("If-Match")

    return check


def precondition_failed(condition: str) -> S3Error:
    message = "At least one of the pre-conditions you specified did not hold"
    return S3Error("PreconditionFailed", message, Condition=condition)


def checksum_headers(checksums: Mapping[str, str], checksum_type: str | None = None) -> dict[str, str]:
    """As S3 gives them back; none where there are none. A part's have no type."""
    headers = {f"{_CHECKSUM}{name}": value for name, value in checksums.items()}
    return headers | ({f"{_CHECKSUM}type": checksum_type} if headers and checksum_type else {})


def _wanted(call: S3Call) -> set[str]:
    """The algorithms that the client uses: in a header, in a trailer to come, or only by name."""
    trailers = [name.strip() for name in (call.header("x-amz-trailer") or "").lower().split(",")]
    named = {(call.header("x-amz-sdk-checksum-algorithm") or "").lower()}
    return {
        name
        for name in ALGORITHMS
        if call.header(_CHECKSUM + name) or _CHECKSUM + name in trailers or name in named
    }


def _declared(call: S3Call) -> dict[str, str]:
    trailers = call.chunked.trailers if call.is_aws_chunked else {}
    found = {name: call.header(_CHECKSUM + name) or trailers.get(_CHECKSUM + name) for name in ALGORITHMS}
    return {name: value for name, value in found.items() if value}


def _check_md5(call: S3Call, body: Body) -> None:
    declared = call.header("content-md5")
    if declared is None:
        return
    try:
        raw = base64.b64decode(declared, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != len(body.md5):
        raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
    if raw != body.md5:
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
