"""The store as the rest of the endpoint uses it: without HTTP, by ports.Objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.ports import ObjectMissing, Objects
from quire_endpoint.local.s3.records import ObjectEvent
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.s3_location import S3Location

LOCATION = S3Location("bucket", "out/a.out")


@pytest.fixture
def store(folder: Path) -> ObjectStore:
    made = ObjectStore(folder, Clock())
    made.create_bucket("bucket")
    return made


def put(store: Objects, location: S3Location, text: bytes, folder: Path) -> None:
    body = folder / "body"
    body.write_bytes(text)
    store.put(location, body, "text/plain")
    assert not body.exists()


def test_put_is_found(store: ObjectStore, tmp_path: Path) -> None:
    put(store, LOCATION, b"text", tmp_path)
    found = store.find(LOCATION)
    assert (found.location, found.size_bytes, found.content_type) == (LOCATION, 4, "text/plain")
    assert found.path.read_bytes() == b"text"
    assert found.etag == "1cb251ec0d568de6a929b520c4aed8d1"


def test_what_is_missing(store: ObjectStore, tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ObjectMissing, match="NoSuchKey"):
        store.find(LOCATION)
    with pytest.raises(ObjectMissing, match="NoSuchBucket"):
        store.find(S3Location("none", "k"))
    with pytest.raises(ObjectMissing, match="NoSuchBucket"):
        store.beneath(S3Location("none", "k"))
    body = tmp_path / "body"
    body.write_bytes(b"1")
    with pytest.raises(ObjectMissing, match="NoSuchBucket"):
        store.put(S3Location("none", "k"), body, None)
    assert not any((folder / "objects").iterdir())


def test_a_file_that_was_found_outlives_its_object(store: ObjectStore, tmp_path: Path) -> None:
    put(store, LOCATION, b"first", tmp_path)
    first = store.find(LOCATION)
    put(store, LOCATION, b"second", tmp_path)
    with first.path.open("rb") as file:
        store.remove(LOCATION)
        assert file.read() == b"first"


def test_beneath_a_prefix(store: ObjectStore, tmp_path: Path) -> None:
    for key in ("b/2", "b/1", "a", "bc"):
        put(store, S3Location("bucket", key), key.encode(), tmp_path)
    assert [one.location.key for one in store.beneath(S3Location("bucket", "b/"))] == ["b/1", "b/2"]
    assert len(store.beneath(S3Location("bucket"))) == 4
    assert store.beneath(S3Location("bucket", "z")) == []


def test_what_an_earlier_run_left_is_gone(store: ObjectStore, tmp_path: Path, folder: Path) -> None:
    put(store, LOCATION, b"1", tmp_path)
    assert len(list((folder / "objects").iterdir())) == 1
    again = ObjectStore(folder, Clock())
    assert not any((folder / "objects").iterdir())
    with pytest.raises(ObjectMissing):
        again.find(LOCATION)


def test_listeners_hear_of_every_change_in_order(store: ObjectStore, tmp_path: Path) -> None:
    heard: list[ObjectEvent] = []
    store.listen(heard.append)
    put(store, LOCATION, b"text", tmp_path)
    store.remove(LOCATION)
    store.remove(LOCATION)
    assert [(one.name, one.size_bytes) for one in heard] == [
        ("ObjectCreated:Put", 4),
        ("ObjectRemoved:Delete", None),
    ]
    assert heard[0].sequence < heard[1].sequence
