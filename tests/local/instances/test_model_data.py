"""A model's files arrive as SageMaker would bring them, or the deployment fails in its words."""

from __future__ import annotations

import io
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.instances.model_data import Cancelled, ModelData, NoModelData
from quire_endpoint.local.instances.model_files import BadModelFiles, check_names, remove
from quire_endpoint.local.ports import StoredObject
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.specs import ModelSpec
from quire_endpoint.s3_location import S3Location
from tests.fakes.running_fleet import BUCKET, fleet_of, invoke, spec_of

ARCHIVE = S3Location(BUCKET, "reader/model.tar.gz")
PREFIX = S3Location(BUCKET, "reader/files/")


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    store = ObjectStore(tmp_path / "s3", Clock())
    store.create_bucket(BUCKET)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Read-only folders in it stay nobody's burden."""
    yield tmp_path / "models"
    remove(tmp_path / "models")


def put(objects: ObjectStore, location: S3Location, content: bytes, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(content)
    objects.put(location, body, None)


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def member(name: str, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.linkname = mode, kind, link
    return info


GOOD = archive_of((member("config.json"), b"{}"), (member("code/run.sh", 0o755), b"#!/bin/sh\n"))


def data_of(
    objects: ObjectStore, folder: Path, seconds: float = 60, location: S3Location = ARCHIVE
) -> ModelData:
    model = ModelSpec("reader", "image", data=location, is_data_uncompressed=location.key.endswith("/"))
    return ModelData(model, objects, folder, seconds)


def fetch(data: ModelData) -> Path:
    return data.fetch(threading.Event())


def test_an_archive_is_unpacked_read_only_and_once(
    objects: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    put(objects, ARCHIVE, GOOD, tmp_path)
    data = data_of(objects, folder)
    model = fetch(data)
    assert (model / "config.json").read_bytes() == b"{}"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [model, *model.rglob("*")]}
    assert modes == {model.name: 0o555, "config.json": 0o444, "code": 0o555, "run.sh": 0o555}
    assert fetch(data) == model
    assert list(folder.iterdir()) == [model]


def test_another_archive_of_the_same_name_is_unpacked_again(
    objects: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    put(objects, ARCHIVE, GOOD, tmp_path)
    data = data_of(objects, folder)
    first = fetch(data)
    put(objects, ARCHIVE, archive_of((member("new"), b"")), tmp_path)
    second = fetch(data)
    assert [path.name for path in second.iterdir()] == ["new"]
    assert (first / "config.json").exists(), "an instance still looks at it"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no archive at all", "not a gzip file"),
        (GOOD[:-30], "end"),
        (archive_of((member("../outside"), b"")), "out of the folder"),
        (archive_of((member("/outside"), b"")), "out of the folder"),
        (archive_of((member("weights", kind=tarfile.SYMTYPE, link="config.json"), b"")), "weights is a link"),
        (archive_of((member("weights", kind=tarfile.LNKTYPE, link="/etc/passwd"), b"")), "weights is a link"),
        (archive_of((member("null", kind=tarfile.CHRTYPE), b"")), "no file"),
    ],
    ids=["no-archive", "cut", "above", "absolute", "symlink", "hard-link", "device"],
)
def test_archives_that_sagemaker_would_not_take(
    objects: ObjectStore, folder: Path, tmp_path: Path, content: bytes, why: str
) -> None:
    put(objects, ARCHIVE, content, tmp_path)
    with pytest.raises(NoModelData, match="Failed to extract model data archive for container") as caught:
        fetch(data_of(objects, folder))
    assert why in str(caught.value)
    assert str(ARCHIVE) in str(caught.value)
    assert not list(folder.iterdir()), "nothing of it stays"
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("location", [ARCHIVE, PREFIX, S3Location("no-bucket", "model.tar.gz")], ids=str)
def test_data_that_is_not_there(objects: ObjectStore, folder: Path, location: S3Location) -> None:
    with pytest.raises(NoModelData, match="Please ensure that there is an object located at the URL"):
        fetch(data_of(objects, folder, location=location))


def test_a_model_without_data_has_an_empty_folder(objects: ObjectStore, folder: Path) -> None:
    model = fetch(ModelData(ModelSpec("reader", "image"), objects, folder, 60))
    assert not list(model.iterdir())


def test_a_prefix_is_copied_beneath_its_own_names(objects: ObjectStore, folder: Path, tmp_path: Path) -> None:
    put(objects, PREFIX.beneath("config.json"), b"{}", tmp_path)
    put(objects, PREFIX.beneath("weights/part-1"), b"w" * 3_000_000, tmp_path)
    put(objects, S3Location(BUCKET, "reader/filesystem"), b"another", tmp_path)
    model = fetch(data_of(objects, folder, location=PREFIX))
    found = {str(path.relative_to(model)): path.stat().st_size for path in model.rglob("*") if path.is_file()}
    assert found == {"config.json": 2, "weights/part-1": 3_000_000}


@pytest.mark.parametrize(
    "names",
    [[""], ["weights/"], ["a//b"], ["./a"], ["a/../b"], ["a\0"], ["ä" * 128], ["weights", "weights/part-1"]],
    ids=repr,
)
def test_names_that_fail_a_deployment(names: list[str]) -> None:
    with pytest.raises(BadModelFiles):
        check_names(names)


def test_names_that_do_not() -> None:
    check_names(["weights", "weights-1", "a/weights", "ä" * 127, "...", "a b"])


class ObjectsReplacedMeanwhile:
    """ports.Objects of a store whose objects are replaced, and their files gone, after each of the first
    `times` listings."""

    def __init__(self, store: ObjectStore, replace: Callable[[], None], times: int) -> None:
        self._store, self._replace, self._left = store, replace, times

    def find(self, location: S3Location) -> StoredObject:
        return self._store.find(location)

    def put(self, location: S3Location, body: Path, content_type: str | None) -> None:
        self._store.put(location, body, content_type)

    def beneath(self, prefix: S3Location) -> Sequence[StoredObject]:
        found = self._store.beneath(prefix)
        if self._left:
            self._left -= 1
            self._replace()
            for one in found:
                one.path.unlink()
        return found


@pytest.mark.parametrize("times", [1, 2])
def test_objects_that_are_replaced_while_others_are_fetched_are_fetched_anew(
    objects: ObjectStore, folder: Path, tmp_path: Path, times: int
) -> None:
    def replace() -> None:
        put(objects, PREFIX.beneath("config.json"), b"new", tmp_path)

    put(objects, PREFIX.beneath("config.json"), b"old", tmp_path)
    model = ModelSpec("reader", "image", data=PREFIX, is_data_uncompressed=True)
    data = ModelData(model, ObjectsReplacedMeanwhile(objects, replace, times), folder, 60)
    if times == 1:
        assert (fetch(data) / "config.json").read_bytes() == b"new"
    else:
        with pytest.raises(NoModelData, match="Please ensure that there is an object"):
            fetch(data)


def test_a_prefix_with_a_folder_made_in_the_console_fails(
    objects: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    put(objects, PREFIX, b"", tmp_path)
    with pytest.raises(NoModelData, match="objects that stand for folders"):
        fetch(data_of(objects, folder, location=PREFIX))


def test_a_download_that_takes_too_long_fails(objects: ObjectStore, folder: Path, tmp_path: Path) -> None:
    put(objects, ARCHIVE, GOOD, tmp_path)
    with pytest.raises(NoModelData, match="longer than ModelDataDownloadTimeoutInSeconds"):
        fetch(data_of(objects, folder, seconds=0))


def test_a_download_for_an_instance_that_is_not_wanted_ends(
    objects: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    put(objects, ARCHIVE, GOOD, tmp_path)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        data_of(objects, folder).fetch(cancelled)


def test_a_container_sees_its_model_and_can_hardly_write_it(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(data=ARCHIVE)) as running:
        put(running.objects, ARCHIVE, GOOD, tmp_path)
        running.fleet.set_desired_count(2)
        first, second = running.in_service(2)
        report = invoke(first.port, answer="report")
        assert report["model"] == ["code", "code/run.sh", "config.json"]
        model = Path(report["environment"]["SAGEMAKER_BASE_DIR"], "model")
        assert not model.stat().st_mode & 0o222
        other = invoke(second.port, answer="report")["environment"]["SAGEMAKER_BASE_DIR"]
        assert Path(other, "model").samefile(model), "unpacked once"


def test_missing_data_fails_the_deployment(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(data=ARCHIVE)) as running:
        running.fleet.set_desired_count(1)
        assert running.failure().startswith(
            'Failed to download model data for container "container_1" from URL: '
        )
