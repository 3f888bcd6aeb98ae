"""How are ListObjects and ListObjectsV2 answered?"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import quote

from quire_endpoint.local.clock import as_text
from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.local.s3.bucket_calls import OWNER
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.listing import MAX_KEYS, ListQuery
from quire_endpoint.local.s3.records import KeptObject
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.s3.xml_text import Node

Encode = Callable[[str], str]


class ListCalls:
    """Both versions."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def list_objects(self, call: S3Call) -> Answer:
        is_second = call.query.get("list-type") == "2"
        token = call.query.get("continuation-token") if is_second else None
        start = call.query.get("start-after" if is_second else "marker", "")
        after = start if token is None else _read_token(token)
        max_keys = min(call.number("max-keys", MAX_KEYS), MAX_KEYS)
        delimiter = call.query.get("delimiter", "")
        query = ListQuery(call.query.get("prefix", ""), delimiter, after, max_keys)
        page, objects = self._store.page(call.bucket, query)
        encode = _encoding(call)
        nodes = [
            Node("Name", call.bucket),
            Node("Prefix", encode(query.prefix)),
            *([Node("Delimiter", encode(delimiter))] if delimiter else []),
            Node("MaxKeys", max_keys),
            *([Node("EncodingType", "url")] if "encoding-type" in call.query else []),
            Node("IsTruncated", "true" if page.is_truncated else "false"),
        ]
        has_owner = not is_second or call.query.get("fetch-owner") == "true"
        nodes += [_contents(objects[key], encode, has_owner) for key in page.keys]
        nodes += [Node("CommonPrefixes", [Node("Prefix", encode(one))]) for one in page.prefixes]
        last = page.last if page.is_truncated else ""
        nodes += (
            _second(call, page.count, token, last, encode)
            if is_second
            else _first(start, delimiter, last, encode)
        )
        return Answer.xml(Node("ListBucketResult", nodes))


def _first(marker: str, delimiter: str, last: str, encode: Encode) -> list[Node]:
    """Without a delimiter S3 leaves NextMarker out: the last key is it."""
    nodes = [Node("Marker", encode(marker))]
    return [*nodes, Node("NextMarker", encode(last))] if last and delimiter else nodes


def _second(call: S3Call, count: int, token: str | None, last: str, encode: Encode) -> list[Node]:
    nodes = [Node("KeyCount", count)]
    if "start-after" in call.query:
        nodes.append(Node("StartAfter", encode(call.query["start-after"])))
    if token is not None:
        nodes.append(Node("ContinuationToken", token))
    if last:
        nodes.append(Node("NextContinuationToken", base64.urlsafe_b64encode(last.encode()).decode()))
    return nodes


def _contents(kept: KeptObject, encode: Encode, has_owner: bool) -> Node:
    return Node(
        "Contents",
        [
            Node("Key", encode(kept.location.key)),
            Node("LastModified", as_text(kept.modified_seconds)),
            Node("ETag", f'"{kept.etag}"'),
            Node("Size", kept.body.size_bytes),
            Node("StorageClass", "STANDARD"),
            *([OWNER] if has_owner else []),
        ],
    )


def _encoding(call: S3Call) -> Encode:
    """With encoding-type=url keys may hold what XML cannot. S3 leaves slashes as they are."""
    kind = call.query.get("encoding-type")
    if kind not in (None, "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return str if kind is None else lambda text: quote(text, safe="/*-._")


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None
