"""The archive: the same bytes for the same folder, whole or not there."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from quire_endpoint.pack_archive import write_archive
from quire_endpoint.pack_files import CannotPack, PackedFile, list_files
from tests.fakes.packable_folders import hub_cache, hugging_face, write


def silent(num_bytes: int) -> None:
    """Nobody watches."""


def archived(folder: Path, archive: Path) -> bytes:
    write_archive(list_files(folder), archive, silent)
    return archive.read_bytes()


def test_what_is_unpacked_is_the_folder(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path / "model")
    write(folder / ("deep/" * 60 + "long name"), "x")
    write(folder / "größe.txt", "ä")
    write(folder / "code" / "run.sh", "#!/bin/sh").chmod(0o700)
    archived(folder, tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {
        path.relative_to(tmp_path / "out"): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert os.access(tmp_path / "out" / "code" / "run.sh", os.X_OK)


def test_links_are_written_as_what_they_lead_to(tmp_path: Path) -> None:
    model = hub_cache(tmp_path)
    archived(model / "snapshots" / "1111main", tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        assert [(entry.name, entry.isreg()) for entry in tar] == [
            ("config.json", True),
            ("model.safetensors", True),
            ("tokenizer.json", True),
        ]


def test_the_archive_depends_on_the_folder_alone(tmp_path: Path) -> None:
    first = hugging_face(tmp_path / "first")
    again = hugging_face(tmp_path / "elsewhere" / "again")
    for path in again.iterdir():
        os.utime(path, (1, 1))
    assert archived(first, tmp_path / "a.tar.gz") == archived(again, tmp_path / "other" / "b.tar.gz")


def test_progress_comes_to_all_bytes(tmp_path: Path) -> None:
    files = list_files(hugging_face(tmp_path / "model"))
    seen: list[int] = []
    write_archive(files, tmp_path / "model.tar.gz", seen.append)
    assert sum(seen) == sum(file.num_bytes for file in files)
    assert max(seen) < 1 << 20, "files are streamed"


@pytest.mark.parametrize(("size", "says"), [(2, "longer"), (4, "shorter")])
def test_a_file_that_changes_leaves_the_old_archive(tmp_path: Path, size: int, says: str) -> None:
    archive = write(tmp_path / "model.tar.gz", "the old one")
    changed = PackedFile("x", write(tmp_path / "x", "123"), size, is_executable=False)
    with pytest.raises(CannotPack, match=says):
        write_archive([changed], archive, silent)
    assert archive.read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.tar.gz", "x"]
