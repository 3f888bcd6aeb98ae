"""How are PutObject, CopyObject and the deletions answered?"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from quire_endpoint.local.clock import as_text
from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.local.s3.bodies import Body, file_blocks
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.put_headers import (
    checksum_headers,
    condition_of,
    kept_headers,
    precondition_failed,
    received,
)
from quire_endpoint.local.s3.records import KeptObject
from quire_endpoint.local.s3.store import ObjectStore, check_key
from quire_endpoint.local.s3.versions import check_version, is_there
from quire_endpoint.local.s3.xml_text import Node, first_text, local_name, parsed
from quire_endpoint.s3_location import S3Location

MAX_DELETED = 1000


class Writing:
    """Objects come and go."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, call: S3Call) -> Answer:
        if call.header("x-amz-copy-source"):
            return self._copy(call)
        self._store.bucket(call.bucket)
        headers = kept_headers(call)
        body = received(call, self._store.bodies)
        made = self._store.new_object(call.location, body, headers)
        kept = self._store.keep(
            replace(made, tags=call.header("x-amz-tagging") or ""), condition=condition_of(call)
        )
        checksums = checksum_headers(kept.body.checksums, kept.checksum_type)
        return Answer(headers={"ETag": f'"{kept.etag}"', **checksums})

    def delete(self, call: S3Call) -> Answer:
        """Of a version that is not there nothing is deleted, and nothing said."""
        if is_there(call.version_id):
            self._store.remove(call.location)
        self._store.bucket(call.bucket)
        return Answer(204)

    def delete_many(self, call: S3Call) -> Answer:
        """DeleteObjects."""
        self._store.bucket(call.bucket)
        root = parsed(call.document())
        objects = [one for one in root if local_name(one) == "Object"]
        keys = [first_text(one, "Key") for one in objects]
        if not 0 < len(keys) <= MAX_DELETED:
            raise S3Error("MalformedXML", f"DeleteObjects takes 1 to {MAX_DELETED} keys, not {len(keys)}")
        for key, one in zip(keys, objects, strict=True):
            if is_there(first_text(one, "VersionId")):
                self._store.remove(S3Location(call.bucket, key))
        is_quiet = first_text(root, "Quiet").lower() == "true"
        return Answer.xml(
            Node("DeleteResult", [] if is_quiet else [Node("Deleted", [Node("Key", key)]) for key in keys])
        )

    def _copy(self, call: S3Call) -> Answer:
        source = copied_object(call, self._store)
        is_replacing = (call.header("x-amz-metadata-directive") or "COPY").upper() == "REPLACE"
        if source.location == call.location and not is_replacing:
            message = "This copy request is illegal because it is trying to copy an object to itself"
            raise S3Error("InvalidRequest", message)
        self._store.bucket(call.bucket)
        headers = kept_headers(call) if is_replacing else source.headers
        is_retagging = (call.header("x-amz-tagging-directive") or "COPY").upper() == "REPLACE"
        made = replace(
            source,
            location=call.location,
            body=self._store.bodies.copy(source.body),
            headers=headers,
            modified_seconds=self._store.clock.now(),
            tags=call.header("x-amz-tagging") or "" if is_retagging else source.tags,
        )
        kept = self._store.keep(made, "Copy", condition_of(call))
        return Answer.xml(copy_result("CopyObjectResult", kept.etag, kept.modified_seconds))


def copied_object(call: S3Call, store: ObjectStore) -> KeptObject:
    """What x-amz-copy-source names, where its conditions hold. Raises S3Error."""
    written, _, version_id = (call.header("x-amz-copy-source") or "").partition("?versionId=")
    path = unquote(written)
    bucket, _, key = path.removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: /bucket/key")
    check_key(key)
    check_version(version_id)
    kept = store.get(S3Location(bucket, key))
    matching = (call.header("x-amz-copy-source-if-match") or kept.etag).strip('"')
    other = (call.header("x-amz-copy-source-if-none-match") or "").strip('"')
    if matching != kept.etag or other == kept.etag:
        raise precondition_failed("x-amz-copy-source-If-Match")
    return kept


def copied_range(call: S3Call, store: ObjectStore) -> Body:
    """For a part: x-amz-copy-source-range of the object, in a new file. Raises S3Error."""
    source = copied_object(call, store)
    written = call.header("x-amz-copy-source-range")
    if written is None:
        return store.bodies.receive(file_blocks(source.body.path))
    first, _, last = written.removeprefix("bytes=").partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last) < source.body.size_bytes):
        raise S3Error("InvalidArgument", f"The range specified is not valid for the source object: {written}")
    return store.bodies.receive(file_blocks(source.body.path, int(first), int(last) - int(first) + 1))


def copy_result(name: str, etag: str, modified_seconds: float) -> Node:
    """CopyObjectResult or CopyPartResult."""
    return Node(name, [Node("LastModified", as_text(modified_seconds)), Node("ETag", f'"{etag}"')])
