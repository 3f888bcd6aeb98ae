"""Which folder has an instance's model in it, fetched in time?"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from quire_endpoint.local.instances.failure_reasons import (
    bad_archive,
    bad_prefix,
    no_model_data,
    slow_download,
)
from quire_endpoint.local.instances.model_files import (
    BadModelFiles,
    check_names,
    copy,
    make_read_only,
    remove,
    unpack,
)
from quire_endpoint.local.ports import ObjectMissing, Objects, StoredObject
from quire_endpoint.local.specs import ModelSpec
from quire_endpoint.s3_location import S3Location


class NoModelData(Exception):
    """The instance cannot have its model; the message is DescribeEndpoint's failure reason."""


class Cancelled(Exception):
    """The instance is not wanted any more."""


class ModelData:
    """A model's data in folders beneath `folder`, unpacked once for all instances that start while the
    objects in S3 stay the same. The folders are read-only as far as a file mode goes: root may write all
    the same. Threads may fetch at once."""

    def __init__(self, model: ModelSpec, objects: Objects, folder: Path, timeout_seconds: float) -> None:
        self._model, self._objects = model, objects
        self._folder, self._timeout_seconds = folder, timeout_seconds
        self._lock = threading.Lock()

    def fetch(self, cancelled: threading.Event) -> Path:
        """An empty folder for a model without data. The time allowed is the wall's: it is real work. Raises
        NoModelData, Cancelled, and OSError where the disk is full."""
        location = self._model.data
        watch = _Watch(location or S3Location(""), self._timeout_seconds, cancelled)
        while not self._lock.acquire(timeout=0.1):
            watch.check()
        try:
            return self._empty() if location is None else self._fetched(location, watch)
        finally:
            self._lock.release()

    def _empty(self) -> Path:
        folder = self._folder / "empty"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o555)
        return folder

    def _fetched(self, location: S3Location, watch: _Watch) -> Path:
        try:
            return self._fetched_at_once(location, watch)
        except FileNotFoundError:  # an object was replaced or deleted before its turn came
            with contextlib.suppress(FileNotFoundError):
                return self._fetched_at_once(location, watch)
        raise NoModelData(no_model_data(location))

    def _fetched_at_once(self, location: S3Location, watch: _Watch) -> Path:
        objects = self._found(location)
        names = "\n".join(f"{one.location} {one.etag}" for one in objects)
        folder = self._folder / hashlib.sha256(names.encode()).hexdigest()[:16]
        if not folder.is_dir():
            partial = self._folder / f"{uuid.uuid4().hex}.incomplete"
            try:
                self._fill(partial, location, objects, watch)
                make_read_only(partial)
                partial.rename(folder)
            finally:
                remove(partial)
        return folder

    def _found(self, location: S3Location) -> Sequence[StoredObject]:
        try:
            if not self._is_prefix(location):
                return [self._objects.find(location)]
            found = self._objects.beneath(location)
        except ObjectMissing as error:
            raise NoModelData(no_model_data(location)) from error
        if not found:
            raise NoModelData(no_model_data(location))
        return found

    def _is_prefix(self, location: S3Location) -> bool:
        return self._model.is_data_uncompressed and location.key.endswith("/")

    def _fill(
        self, folder: Path, location: S3Location, objects: Sequence[StoredObject], watch: _Watch
    ) -> None:
        folder.mkdir(parents=True)
        if not self._model.is_data_uncompressed:
            try:
                unpack(objects[0].path, folder, watch.check)
            except BadModelFiles as error:
                raise NoModelData(bad_archive(location, str(error))) from error
            return
        parent = location.key if self._is_prefix(location) else location.key.rpartition("/")[0] + "/"
        named = {one.location.key.removeprefix(parent): one for one in objects}
        try:
            check_names(list(named))
        except BadModelFiles as error:
            raise NoModelData(bad_prefix(location, str(error))) from error
        for name, one in named.items():
            copy(one.path, folder / name, watch.check)


class _Watch:
    def __init__(self, location: S3Location, seconds: float, cancelled: threading.Event) -> None:
        self._location, self._seconds, self._cancelled = location, seconds, cancelled
        self._until = time.monotonic() + seconds

    def check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        if time.monotonic() > self._until:
            raise NoModelData(slow_download(self._location, self._seconds))
