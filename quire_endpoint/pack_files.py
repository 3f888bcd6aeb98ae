"""Which files of a folder make a model folder, and by what name? Symbolic links are followed."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DROPPED = (".*", "__pycache__", "node_modules", "*.pyc", "*.pyo", "*.incomplete")
"""Caches, and whatever is hidden: version control, settings of editors, secrets."""

_VENV_MARK = "pyvenv.cfg"

_MAX_NAME_BYTES = 255
_MAX_KEY_BYTES = 1024
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class CannotPack(Exception):
    """The folder makes no model folder that could be served; the message says what to do."""


@dataclass(frozen=True)
class PackedFile:
    """A file by its path in the model folder, with forward slashes, and where its bytes lie."""

    name: str
    source: Path
    num_bytes: int
    is_executable: bool

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()

    @property
    def folder(self) -> str:
        """Of the model folder; empty at its root."""
        return self.name.rpartition("/")[0]


def resolved_folder(given: Path) -> Path:
    """The folder itself; of a model in the Hugging Face cache (models--owner--name) its snapshot. Raises
    CannotPack."""
    if not given.is_dir():
        raise CannotPack(f"{given} is no folder")
    snapshots = given / "snapshots"
    if not (snapshots.is_dir() and (given / "blobs").is_dir()):
        return given
    main = given / "refs" / "main"
    if main.is_file() and (snapshots / main.read_text().strip()).is_dir():
        return snapshots / main.read_text().strip()
    found = [entry for entry in snapshots.iterdir() if entry.is_dir()]
    if len(found) != 1:
        raise CannotPack(f"{snapshots} holds {len(found)} snapshots: pack one of them")
    return found[0]


def list_files(folder: Path, leave_out: Path | None = None) -> list[PackedFile]:
    """By name. `leave_out` is the archive itself, should it lie there. Raises CannotPack for names that a
    model folder cannot have, links that lead nowhere or in a circle, and Git LFS pointers."""
    skipped = leave_out.resolve() if leave_out else None
    found = [
        packed
        for path in _walk(folder, (folder.resolve(),))
        if path.resolve() != skipped
        for packed in [_packed(path, path.relative_to(folder).as_posix())]
    ]
    return sorted(found, key=lambda packed: packed.name)


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """`above` are the real folders on the way here."""
    for entry in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(entry.name, pattern) for pattern in _DROPPED):
            continue
        if not entry.is_dir():
            yield entry
        elif not (entry / _VENV_MARK).exists():
            real = entry.resolve()
            if real in above:
                raise CannotPack(f"{entry} leads back to {real}, in which it lies")
            yield from _walk(entry, (*above, real))


def _packed(path: Path, name: str) -> PackedFile:
    check_name(name)
    if not path.is_file():
        raise CannotPack(f"{path} leads nowhere or is no ordinary file")
    with path.open("rb") as content:
        if content.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise CannotPack(f"{path} is a Git LFS pointer, not the file: run `git lfs pull` first")
    status = path.stat()
    return PackedFile(name, path, status.st_size, bool(status.st_mode & 0o100))


def check_name(name: str) -> None:
    """As ModelDataSource wants keys: none of their parts empty, `.`, `..` or over 255 bytes. Raises
    CannotPack."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError as error:
        raise CannotPack(f"{name!a} is no UTF-8 name") from error
    for part in name.split("/"):
        if part in ("", ".", ".."):
            raise CannotPack(f"{name!r}: {part!r} is no name in a model folder")
        if len(part.encode()) > _MAX_NAME_BYTES:
            raise CannotPack(f"{name!r}: a name of more than {_MAX_NAME_BYTES} bytes")
    if len(encoded) > _MAX_KEY_BYTES:
        raise CannotPack(f"{name!r} is longer than {_MAX_KEY_BYTES} bytes")
    if "\\" in name or not name.isprintable():
        raise CannotPack(f"{name!a}: a backslash or a character that cannot be printed")


def json_object(file: PackedFile) -> Mapping[str, Any]:
    """What it holds. Raises CannotPack for anything but an object."""
    try:
        found = json.loads(file.source.read_bytes())
    except ValueError as error:
        raise CannotPack(f"{file.source} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise CannotPack(f"{file.source} is no JSON object")
    return found


def moved_below(files: list[PackedFile], folder: str) -> list[PackedFile]:
    """The same files in `folder` of the model folder."""
    return [
        PackedFile(f"{folder}/{file.name}", file.source, file.num_bytes, file.is_executable) for file in files
    ]


def total_bytes(files: list[PackedFile]) -> int:
    return sum(file.num_bytes for file in files)
