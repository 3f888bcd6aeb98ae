"""Which files are packed, and under which names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quire_endpoint.pack_files import CannotPack, check_name, list_files, resolved_folder
from tests.fakes.packable_folders import hub_cache, write


def names(folder: Path) -> list[str]:
    return [file.name for file in list_files(folder)]


def test_files_come_by_name_and_with_their_sizes(tmp_path: Path) -> None:
    write(tmp_path / "b" / "two", "22")
    write(tmp_path / "a", "1")
    write(tmp_path / "b" / "one", "333").chmod(0o755)
    found = list_files(tmp_path)
    assert [(file.name, file.num_bytes, file.is_executable) for file in found] == [
        ("a", 1, False),
        ("b/one", 3, True),
        ("b/two", 2, False),
    ]


@pytest.mark.parametrize(
    "dropped",
    [".git/HEAD", "code/__pycache__/x.pyc", "code/x.pyc", ".cache/huggingface/x", ".env", "a/.DS_Store"],
)
def test_caches_and_hidden_files_are_dropped(tmp_path: Path, dropped: str) -> None:
    write(tmp_path / "kept")
    write(tmp_path / dropped)
    assert names(tmp_path) == ["kept"]


def test_a_virtual_environment_is_dropped_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path / "env" / "pyvenv.cfg")
    write(tmp_path / "env" / "bin" / "python")
    write(tmp_path / "kept")
    assert names(tmp_path) == ["kept"]


def test_links_are_followed_to_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "weights", "12345")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "same").symlink_to(tmp_path / "elsewhere" / "weights")
    assert [(file.name, file.num_bytes) for file in list_files(folder)] == [
        ("linked/weights", 5),
        ("same", 5),
    ]


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    with pytest.raises(CannotPack, match="gone"):
        list_files(tmp_path)


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    with pytest.raises(CannotPack, match="leads back"):
        list_files(tmp_path)


def test_two_links_to_one_folder_are_no_circle(tmp_path: Path) -> None:
    write(tmp_path / "shared" / "x")
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).symlink_to(tmp_path / "shared")
    assert names(folder) == ["a/x", "b/x"]


def test_the_archive_itself_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "kept")
    archive = write(tmp_path / "model.tar.gz")
    assert [file.name for file in list_files(tmp_path, leave_out=archive)] == ["kept"]


def test_a_git_lfs_pointer_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CannotPack, match="git lfs pull"):
        list_files(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).touch()
    with pytest.raises(CannotPack, match="no UTF-8"):
        list_files(tmp_path)


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotPack, match="pipe"):
        list_files(tmp_path)


@pytest.mark.parametrize(
    "name", ["", "a//b", "./a", "a/../b", "a" * 256, "é" * 128, "/".join(["a" * 200] * 6)]
)
def test_names_that_fail_a_deployment_are_refused(name: str) -> None:
    with pytest.raises(CannotPack):
        check_name(name)


@pytest.mark.parametrize("name", ["a\nb", "a\\b"])
def test_names_that_s3_lists_badly_are_refused(name: str) -> None:
    with pytest.raises(CannotPack):
        check_name(name)


def test_ordinary_names_pass() -> None:
    for name in ("a" * 255, "modell/größe 1.safetensors", "1_Pooling/config.json"):
        check_name(name)


def test_a_model_of_the_hubs_cache_is_its_main_snapshot(tmp_path: Path) -> None:
    model = hub_cache(tmp_path)
    folder = resolved_folder(model)
    assert folder == model / "snapshots" / "1111main"
    assert names(folder) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_a_cache_without_a_main_snapshot_asks_for_one(tmp_path: Path) -> None:
    model = hub_cache(tmp_path)
    (model / "refs" / "main").unlink()
    with pytest.raises(CannotPack, match="2 snapshots"):
        resolved_folder(model)


def test_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotPack, match="no folder"):
        resolved_folder(tmp_path / "absent")
