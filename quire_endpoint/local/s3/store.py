"""Which buckets and objects are there? The one place that knows, for the S3 API and for the endpoint."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.ports import StoredObject
from quire_endpoint.local.s3.bodies import Bodies, Body
from quire_endpoint.local.s3.errors import NotThere, S3Error
from quire_endpoint.local.s3.listing import ListQuery, Page, page_of
from quire_endpoint.local.s3.notifications import Notifications
from quire_endpoint.local.s3.records import (
    CONFIGURED,
    DEFAULT_CONTENT_TYPE,
    Bucket,
    KeptObject,
    ObjectEvent,
    bodies_folder,
)
from quire_endpoint.s3_location import S3Location

MAX_KEY_BYTES = 1024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

OnEvent = Callable[[ObjectEvent], None]
Condition = Callable[[KeptObject | None], None]
"""Looks at the object that is there, and raises S3Error where it must not be replaced."""


class ObjectStore:
    """Implements ports.Objects. The index is in memory and ends with the process; bodies are files beneath
    `folder`, which is this store's alone. A reader sees one whole version of an object. Threads may call at
    once."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.bodies = Bodies(bodies_folder(folder))
        self.clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.RLock()
        self._listeners: list[OnEvent] = []
        self._sequence = itertools.count(1)

    def listen(self, listener: OnEvent) -> None:
        """Calls `listener` with every later event, on the thread that causes it, in the order in which
        objects became visible; it must return at once."""
        self._listeners.append(listener)

    def create_bucket(self, name: str, region: str = "us-east-1") -> None:
        """Raises S3Error where the name is not one, or is taken (us-east-1 forgives that, as S3 does)."""
        if not _BUCKET.fullmatch(name) or ".." in name:
            raise S3Error("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)
        with self._lock:
            if name not in self._buckets:
                self._buckets[name] = Bucket(name, region, self.clock.now())
            elif region != "us-east-1" or self._buckets[name].region != region:
                message = "Your previous request to create the named bucket succeeded and you already own it."
                raise S3Error("BucketAlreadyOwnedByYou", message, BucketName=name)

    def delete_bucket(self, name: str) -> None:
        """Raises S3Error unless it is there and empty."""
        with self._lock:
            if self.bucket(name).keys:
                message = "The bucket you tried to delete is not empty"
                raise S3Error("BucketNotEmpty", message, BucketName=name)
            del self._buckets[name]

    def bucket(self, name: str) -> Bucket:
        """Raises NotThere. To be read only."""
        with self._lock:
            if name not in self._buckets:
                raise NotThere("NoSuchBucket", "The specified bucket does not exist", BucketName=name)
            return self._buckets[name]

    def buckets(self) -> list[Bucket]:
        """By name."""
        with self._lock:
            return [self._buckets[name] for name in sorted(self._buckets)]

    def set_notifications(self, bucket: str, notifications: Notifications) -> None:
        """Raises NotThere."""
        with self._lock:
            found = self.bucket(bucket)
            found.notifications = notifications
            self._tell(CONFIGURED, found, S3Location(bucket), None)

    def get(self, location: S3Location) -> KeptObject:
        """Raises NotThere."""
        with self._lock:
            kept = self.bucket(location.bucket).objects.get(location.key)
        if kept is None:
            raise NotThere("NoSuchKey", "The specified key does not exist.", Key=location.key)
        return kept

    def open(self, location: S3Location) -> tuple[KeptObject, BinaryIO]:
        """The object and its body, to be closed by the caller. Raises NotThere."""
        with self._lock:
            kept = self.get(location)
            return kept, kept.body.path.open("rb")

    def keep(
        self,
        kept: KeptObject,
        how: str = "Put",
        condition: Condition | None = None,
    ) -> KeptObject:
        """Makes it visible, in place of the one that is there. `how` is the event's last word. Raises S3Error
        and drops the body where it cannot be kept."""
        key, bucket_name = kept.location.key, kept.location.bucket
        try:
            check_key(key)
            with self._lock:
                bucket = self.bucket(bucket_name)
                if condition is not None:
                    condition(bucket.objects.get(key))
                before = bucket.set(kept)
                self._tell(f"ObjectCreated:{how}", bucket, kept.location, kept)
        except S3Error:
            self.bodies.drop(kept.body)
            raise
        if before is not None:
            self.bodies.bury(before.body)
        return kept

    def change(self, location: S3Location, changed: Callable[[KeptObject], KeptObject]) -> None:
        """What is kept of it, but not its body. Raises NotThere."""
        with self._lock:
            self.bucket(location.bucket).set(changed(self.get(location)))

    def remove(self, location: S3Location) -> None:
        """Does nothing where it is not there, as S3. Raises NotThere where the bucket is not."""
        with self._lock:
            bucket = self.bucket(location.bucket)
            before = bucket.remove(location.key)
            if before is not None:
                self._tell("ObjectRemoved:Delete", bucket, location, None)
        if before is not None:
            self.bodies.bury(before.body)

    def page(self, bucket: str, query: ListQuery) -> tuple[Page, Mapping[str, KeptObject]]:
        """A page of the listing, and its objects by key. Raises NotThere."""
        with self._lock:
            found = self.bucket(bucket)
            page = page_of(found.keys, query)
            return page, {key: found.objects[key] for key in page.keys}

    def find(self, location: S3Location) -> StoredObject:
        """Raises ObjectMissing. Whoever opens its file within five seconds finds it there."""
        return self.get(location).as_stored()

    def put(self, location: S3Location, body: Path, content_type: str | None) -> None:
        """Moves `body` here. Raises S3Error, ObjectMissing where there is no such bucket, and OSError."""
        self.bucket(location.bucket)
        taken = self.bodies.take(body)
        self.keep(self.new_object(location, taken, {"content-type": content_type or DEFAULT_CONTENT_TYPE}))

    def beneath(self, prefix: S3Location) -> Sequence[StoredObject]:
        """Raises ObjectMissing where there is no such bucket."""
        with self._lock:
            bucket = self.bucket(prefix.bucket)
            page = page_of(bucket.keys, ListQuery(prefix.key, max_keys=len(bucket.keys)))
            return [bucket.objects[key].as_stored() for key in page.keys]

    def new_object(self, location: S3Location, body: Body, headers: Mapping[str, str]) -> KeptObject:
        """Dated now; not kept yet."""
        return KeptObject(location, body, body.md5.hex(), headers, self.clock.now())

    def _tell(self, name: str, bucket: Bucket, location: S3Location, kept: KeptObject | None) -> None:
        size, etag = (kept.body.size_bytes, kept.etag) if kept else (None, None)
        event = ObjectEvent(
            name,
            location,
            bucket.region,
            self.clock.now(),
            next(self._sequence),
            bucket.notifications,
            size,
            etag,
        )
        for listener in self._listeners:
            listener(event)


def check_key(key: str) -> None:
    """Raises S3Error."""
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > MAX_KEY_BYTES:
        message = "Your key is too long"
        raise S3Error("KeyTooLongError", message, Size=str(size), MaxSizeAllowed=str(MAX_KEY_BYTES))
