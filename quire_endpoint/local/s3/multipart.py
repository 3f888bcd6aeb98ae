"""How are the calls of a multipart upload answered?"""

from __future__ import annotations

from dataclasses import replace

from quire_endpoint.local.clock import as_text
from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.checksums import ALGORITHMS
from quire_endpoint.local.s3.completed_uploads import CompletedUploads
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.put_headers import checksum_headers, condition_of, kept_headers, received
from quire_endpoint.local.s3.store import ObjectStore, check_key
from quire_endpoint.local.s3.uploads import Joined, Part, Upload, Uploads, new_upload_id
from quire_endpoint.local.s3.writing import copied_range, copy_result
from quire_endpoint.local.s3.xml_text import Node, first_text, local_name, parsed

_DEFAULT_TYPE = {"crc64nvme": "FULL_OBJECT"}


class Multipart:
    """Begin, parts, complete, abort, and the two listings."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._uploads = Uploads(store.bodies)
        self._completed = CompletedUploads()

    def begin(self, call: S3Call) -> Answer:
        self._store.bucket(call.bucket)
        check_key(call.key)
        algorithm = (call.header("x-amz-checksum-algorithm") or "").lower()
        if algorithm and algorithm not in ALGORITHMS:
            raise S3Error("InvalidRequest", f"Checksum algorithm provided is unsupported: {algorithm}")
        kind = call.header("x-amz-checksum-type") or _DEFAULT_TYPE.get(algorithm, "COMPOSITE")
        headers, now = kept_headers(call), self._store.clock.now()
        upload = self._uploads.begin(Upload(new_upload_id(), call.location, headers, now, algorithm, kind))
        return Answer.xml(
            Node("InitiateMultipartUploadResult", [*_names(upload), Node("UploadId", upload.id)]),
            {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": kind} if algorithm else {},
        )

    def put_part(self, call: S3Call) -> Answer:
        """UploadPart and UploadPartCopy."""
        upload = self._upload(call)
        is_copy = bool(call.header("x-amz-copy-source"))
        number = call.number("partNumber", 0)
        body = copied_range(call, self._store) if is_copy else received(call, self._store.bodies)
        part = Part(number, body, self._store.clock.now())
        self._uploads.add(upload, part)
        if is_copy:
            return Answer.xml(copy_result("CopyPartResult", part.etag, part.modified_seconds))
        return Answer(headers={"ETag": f'"{part.etag}"', **checksum_headers(body.checksums)})

    def complete(self, call: S3Call) -> Answer:
        """A client that has not heard the answer asks again, and gets the same one."""
        given = self._completed.answer(call.location, call.query["uploadId"])
        if given is not None:
            return given
        upload = self._upload(call)
        with upload.ending:
            given = self._completed.answer(upload.location, upload.id)
            return given or self._complete(call, self._upload(call))

    def _complete(self, call: S3Call, upload: Upload) -> Answer:
        root = parsed(call.document())
        written = [one for one in root if local_name(one) == "Part"]
        if not written:
            raise S3Error("MalformedXML", "You must specify at least one part")
        numbers = [first_text(one, "PartNumber") for one in written]
        if not all(number.isascii() and number.isdigit() for number in numbers):
            raise S3Error("MalformedXML", "PartNumber must be a number")
        etags = [first_text(one, "ETag") for one in written]
        joined = self._uploads.join(upload, list(zip(map(int, numbers), etags, strict=True)))
        return self._kept(call, upload, joined)

    def abort(self, call: S3Call) -> Answer:
        upload = self._upload(call)
        with upload.ending:
            self._uploads.end(upload)
        return Answer(204)

    def list_parts(self, call: S3Call) -> Answer:
        upload = self._upload(call)
        after = call.number("part-number-marker", 0)
        at_most = call.number("max-parts", 1000)
        parts = [part for number, part in sorted(upload.parts.items()) if number > after]
        shown = parts[:at_most]
        return Answer.xml(
            Node(
                "ListPartsResult",
                [
                    *_names(upload),
                    Node("UploadId", upload.id),
                    Node("StorageClass", "STANDARD"),
                    Node("PartNumberMarker", after),
                    Node("NextPartNumberMarker", shown[-1].number if shown else 0),
                    Node("MaxParts", at_most),
                    Node("IsTruncated", "true" if len(parts) > len(shown) else "false"),
                    *(_part_node(part) for part in shown),
                ],
            )
        )

    def list_uploads(self, call: S3Call) -> Answer:
        """All of them on one page."""
        self._store.bucket(call.bucket)
        prefix = call.query.get("prefix", "")
        uploads = [one for one in self._uploads.of_bucket(call.bucket) if one.location.key.startswith(prefix)]
        nodes = [
            Node(
                "Upload",
                [
                    Node("Key", one.location.key),
                    Node("UploadId", one.id),
                    Node("StorageClass", "STANDARD"),
                    Node("Initiated", as_text(one.began_seconds)),
                ],
            )
            for one in uploads
        ]
        bucket, cut = Node("Bucket", call.bucket), Node("IsTruncated", "false")
        return Answer.xml(Node("ListMultipartUploadsResult", [bucket, Node("Prefix", prefix), cut, *nodes]))

    def _upload(self, call: S3Call) -> Upload:
        self._store.bucket(call.bucket)
        return self._uploads.get(call.location, call.query["uploadId"])

    def _kept(self, call: S3Call, upload: Upload, joined: Joined) -> Answer:
        whole = {name: value for name in ALGORITHMS if (value := call.header(f"x-amz-checksum-{name}"))}
        body = replace(joined.body, checksums={**joined.body.checksums, **whole})
        made = self._store.new_object(call.location, body, upload.headers)
        kept = self._store.keep(
            replace(made, etag=joined.etag, part_sizes=joined.part_sizes),
            "CompleteMultipartUpload",
            condition_of(call),
        )
        checksums = [Node(f"Checksum{name.upper()}", value) for name, value in kept.body.checksums.items()]
        kind = [Node("ChecksumType", kept.checksum_type)] if checksums else []
        host = call.header("host") or "localhost"
        location = Node("Location", f"http://{host}/{call.bucket}/{call.key}")
        etag = Node("ETag", f'"{kept.etag}"')
        answer = Answer.xml(
            Node("CompleteMultipartUploadResult", [location, *_names(upload), etag, *checksums, *kind])
        )
        self._completed.add(upload.location, upload.id, answer)
        self._uploads.end(upload)
        return answer


def _names(upload: Upload) -> list[Node]:
    return [Node("Bucket", upload.location.bucket), Node("Key", upload.location.key)]


def _part_node(part: Part) -> Node:
    checksums = [Node(f"Checksum{name.upper()}", value) for name, value in part.body.checksums.items()]
    return Node(
        "Part",
        [
            Node("PartNumber", part.number),
            Node("LastModified", as_text(part.modified_seconds)),
            Node("ETag", f'"{part.etag}"'),
            Node("Size", part.body.size_bytes),
            *checksums,
        ],
    )
