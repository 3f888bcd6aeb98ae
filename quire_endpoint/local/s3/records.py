"""What is kept of a bucket and of an object?"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quire_endpoint.local.ports import StoredObject
from quire_endpoint.local.s3.bodies import Body
from quire_endpoint.local.s3.notifications import Notifications
from quire_endpoint.s3_location import S3Location

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
"""What S3 gives back where the caller named none."""


CONFIGURED = "TestEvent"
"""The event of a bucket whose notifications were just configured; it is of no object."""


@dataclass(frozen=True)
class KeptObject:
    """`headers` are those that came with it and go back with it, names in lower case: content-type and its
    kin, x-amz-meta-… . `etag` is without its quotes. `part_sizes` are of a multipart object."""

    location: S3Location
    body: Body
    etag: str
    headers: Mapping[str, str]
    modified_seconds: float
    part_sizes: tuple[int, ...] = ()
    tags: str = ""
    """As in x-amz-tagging: URL-encoded pairs."""

    @property
    def checksum_type(self) -> str:
        """COMPOSITE or FULL_OBJECT."""
        values = self.body.checksums.values()
        return "COMPOSITE" if any("-" in value for value in values) else "FULL_OBJECT"

    def as_stored(self) -> StoredObject:
        """As the rest of the endpoint sees it."""
        return StoredObject(
            self.location, self.body.path, self.body.size_bytes, self.etag, self.headers.get("content-type")
        )


@dataclass(frozen=True)
class ObjectEvent:
    """`name` as S3 writes it, such as ObjectCreated:Put; size and ETag are None for a removal."""

    name: str
    location: S3Location
    region: str
    seconds: float
    sequence: int
    notifications: Notifications
    size_bytes: int | None = None
    etag: str | None = None


@dataclass
class Bucket:
    """`keys` are those of `objects`, sorted."""

    name: str
    region: str
    created_seconds: float
    keys: list[str] = field(default_factory=list)
    objects: dict[str, KeptObject] = field(default_factory=dict)
    notifications: Notifications = field(default_factory=Notifications)

    def set(self, kept: KeptObject) -> KeptObject | None:
        """Returns the one that it replaces."""
        key = kept.location.key
        if key not in self.objects:
            bisect.insort(self.keys, key)
        before, self.objects[key] = self.objects.get(key), kept
        return before

    def remove(self, key: str) -> KeptObject | None:
        """Returns the one that was there."""
        kept = self.objects.pop(key, None)
        if kept is not None:
            del self.keys[bisect.bisect_left(self.keys, key)]
        return kept


def bodies_folder(folder: Path) -> Path:
    """Beneath the store's folder."""
    return folder / "objects"
