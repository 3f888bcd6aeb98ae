"""How a model folder is recognised, read and digested; where the built-in one lies. Free of torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

MANIFEST_NAME = "manifest.json"
DETECTION_FOLDER = "detection"
RECOGNITION_FOLDER = "recognition"


class ModelFolderError(Exception):
    """The folder holds no model, a model of another kind, or one whose files were changed."""


class FileDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the folder; `path` is relative to it, with forward slashes."""

    path: str
    sha256: str
    num_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the folder. `digest` is the sha256 over one line `sha256  path` for each file, by path."""

    name: str
    revision: str
    digest: str
    licence: str
    source: str
    source_sha256: str
    files: tuple[FileDigest, ...]

    def __post_init__(self) -> None:
        if self.digest != digest_of(self.files):
            raise ValueError("the digest is not that of the listed files")


def default_model_dir() -> Path:
    """`model/default` of the tree that this file lies in: the repository, or the image's program folder."""
    return Path(__file__).resolve().parents[3] / "model" / "default"


def holds_model(folder: Path) -> bool:
    """Whether the folder has a manifest; says nothing about what the manifest lists."""
    return (folder / MANIFEST_NAME).is_file()


def read_manifest(folder: Path) -> Manifest:
    """Raises ModelFolderError where there is no manifest, or none that can be read."""
    try:
        return msgspec.json.decode((folder / MANIFEST_NAME).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise ModelFolderError(f"{folder} holds no model: it has no {MANIFEST_NAME}") from error
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise ModelFolderError(f"{folder / MANIFEST_NAME} cannot be read: {error}") from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Reads every listed file. Raises ModelFolderError that names the first one missing or changed."""
    for listed in manifest.files:
        path = folder / listed.path
        if not path.is_file():
            raise ModelFolderError(f"{path} is listed in the manifest and missing")
        if file_digest(path, folder) != listed:
            raise ModelFolderError(f"{path} is not the file that the manifest lists")


def list_files(folder: Path) -> tuple[FileDigest, ...]:
    """Every file below the folder but the manifest, by path."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_NAME)
    return tuple(sorted((file_digest(path, folder) for path in paths), key=lambda listed: listed.path))


def file_digest(path: Path, folder: Path) -> FileDigest:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileDigest(path=path.relative_to(folder).as_posix(), sha256=sha256, num_bytes=path.stat().st_size)


def digest_of(files: tuple[FileDigest, ...]) -> str:
    lines = (f"{listed.sha256}  {listed.path}\n" for listed in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
