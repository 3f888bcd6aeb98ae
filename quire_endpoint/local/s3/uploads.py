"""Which multipart uploads are under way, and what becomes of their parts?"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from quire_endpoint.local.s3.bodies import Bodies, Body
from quire_endpoint.local.s3.checksums import composite
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.s3_location import S3Location

MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * 1024 * 1024
"""Of every part but the last: the User Guide, "Amazon S3 multipart upload limits"."""


@dataclass(frozen=True)
class Part:
    number: int
    body: Body
    modified_seconds: float

    @property
    def etag(self) -> str:
        return self.body.md5.hex()


@dataclass
class Upload:
    """`headers` will be the object's. `checksum_algorithm` in lower case, empty where none was asked for."""

    id: str
    location: S3Location
    headers: Mapping[str, str]
    began_seconds: float
    checksum_algorithm: str = ""
    checksum_type: str = ""
    parts: dict[int, Part] = field(default_factory=dict)
    ending: threading.Lock = field(default_factory=threading.Lock)
    """Held by who completes or aborts it."""


@dataclass(frozen=True)
class Joined:
    """A completed upload's body and the ETag that S3 gives such an object."""

    body: Body
    etag: str
    part_sizes: tuple[int, ...]


class Uploads:
    """Threads may call at once."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def begin(self, upload: Upload) -> Upload:
        with self._lock:
            self._uploads[upload.id] = upload
        return upload

    def get(self, location: S3Location, upload_id: str) -> Upload:
        """Raises S3Error NoSuchUpload."""
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None or upload.location != location:
            raise _no_such_upload(upload_id)
        return upload

    def of_bucket(self, bucket: str) -> list[Upload]:
        """Sorted by key, then by age."""
        with self._lock:
            found = [upload for upload in self._uploads.values() if upload.location.bucket == bucket]
        return sorted(found, key=lambda upload: (upload.location.key, upload.began_seconds))

    def add(self, upload: Upload, part: Part) -> None:
        """In place of an earlier one of its number. Raises S3Error, and drops the part's body, where it is no
        part's number or the upload has ended."""
        if not 1 <= part.number <= MAX_PARTS:
            self._bodies.drop(part.body)
            raise S3Error("InvalidArgument", f"Part number must be an integer between 1 and {MAX_PARTS}")
        with self._lock:
            is_there = upload.id in self._uploads
            dropped = upload.parts.get(part.number) if is_there else part
            if is_there:
                upload.parts[part.number] = part
        if dropped is not None:
            self._bodies.bury(dropped.body)
        if not is_there:
            raise _no_such_upload(upload.id)

    def join(self, upload: Upload, named: Sequence[tuple[int, str]]) -> Joined:
        """The parts named, by number and ETag, as one body; the upload stays until `end`. Raises S3Error."""
        parts = [self._named(upload, number, etag) for number, etag in named]
        if [part.number for part in parts] != sorted({part.number for part in parts}):
            message = "The list of parts was not in ascending order. Parts must be ordered by part number."
            raise S3Error("InvalidPartOrder", message)
        for part in parts[:-1]:
            if part.body.size_bytes < MIN_PART_BYTES:
                message = "Your proposed upload is smaller than the minimum allowed size"
                raise S3Error("EntityTooSmall", message, PartNumber=str(part.number))
        path, size_bytes = self._bodies.join(part.body for part in parts)
        md5 = hashlib.md5(b"".join(part.body.md5 for part in parts), usedforsecurity=False).digest()
        sizes = tuple(part.body.size_bytes for part in parts)
        return Joined(
            Body(path, size_bytes, md5, _checksums(upload, parts)), f"{md5.hex()}-{len(parts)}", sizes
        )

    def end(self, upload: Upload) -> None:
        """Completed or aborted: its parts go. Raises S3Error NoSuchUpload where it has ended already."""
        with self._lock:
            if self._uploads.pop(upload.id, None) is None:
                raise _no_such_upload(upload.id)
            parts = list(upload.parts.values())
        for part in parts:
            self._bodies.bury(part.body)

    def _named(self, upload: Upload, number: int, etag: str) -> Part:
        part = upload.parts.get(number)
        if part is None or part.etag != etag.strip('"'):
            message = "One or more of the specified parts could not be found."
            raise S3Error("InvalidPart", message, PartNumber=str(number), ETag=etag)
        return part


def new_upload_id() -> str:
    return uuid.uuid4().hex


def _checksums(upload: Upload, parts: Iterable[Part]) -> dict[str, str]:
    name = upload.checksum_algorithm
    if not name or upload.checksum_type == "FULL_OBJECT":
        return {}
    value = composite(name, [part.body.checksums.get(name, "") for part in parts])
    return {name: value} if value else {}


def _no_such_upload(upload_id: str) -> S3Error:
    message = "The specified multipart upload does not exist. It may have been aborted or completed."
    return S3Error("NoSuchUpload", message, UploadId=upload_id)
