"""How does a model get from an archive, or from objects, into a folder that is only read?"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_COPIED_BYTES = 1 << 20

_LONGEST_NAME_BYTES = 255
"""S3DataSource's rule for a file's and a folder's name."""

Check = Callable[[], None]
"""Called again and again while it lasts; raises to end it."""


class BadModelFiles(Exception):
    """SageMaker would not take these model files; the message says what is wrong."""


def unpack(archive: Path, folder: Path, check: Check) -> None:
    """Of a .tar.gz, as a stream. Raises BadModelFiles for what is no such archive, and for members that lead
    out of the folder, devices and links: symbolic links fail on SageMaker too (AWS re:Post,
    "sagemaker-endpoint-creation-fail"). tarfile's own filters came with Python 3.11.4."""
    try:
        with archive.open("rb") as raw, tarfile.open(fileobj=_Watched(raw, check), mode="r|gz") as tar:
            for member in tar:
                _extract(tar, member, folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BadModelFiles(str(error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise BadModelFiles(str(error)) from error  # gzip's own errors


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise BadModelFiles(f"{member.name} leads out of the folder")
    path = folder / name
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isfile() else None
    if content is None:
        raise BadModelFiles(f"{member.name} is a link, or no file: replace it by a copy of what it leads to")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as written:
        shutil.copyfileobj(content, written, _COPIED_BYTES)
    path.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)


def check_names(names: Sequence[str]) -> None:
    """Of objects beneath a prefix, without it. Raises BadModelFiles for one that S3DataSource forbids."""
    files = set(names)
    for name in names:
        for part in name.split("/"):
            _check_part(name, part)
        clashes = [str(above) for above in PurePosixPath(name).parents if str(above) in files]
        if clashes:
            raise BadModelFiles(f"{clashes[0]!r} is a file, and a folder for {name!r}")


def _check_part(name: str, part: str) -> None:
    if not part:
        raise BadModelFiles(
            f"{name!r} has a step without a name: remove the empty objects that stand for folders, which the "
            "S3 console makes"
        )
    if part in (".", "..") or "\0" in part or len(part.encode()) > _LONGEST_NAME_BYTES:
        raise BadModelFiles(f"{name!r} is no name for a model's file")


def copy(source: Path, target: Path, check: Check) -> None:
    """A file, its folders made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("xb") as written:
        while block := read.read(_COPIED_BYTES):
            check()
            written.write(block)


def make_read_only(folder: Path) -> None:
    """Everything beneath it and itself; files keep their being executable."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(place) / name
            path.chmod(0o555 if path.stat().st_mode & stat.S_IXUSR else 0o444)
        Path(place).chmod(0o555)


def remove(folder: Path) -> None:
    """Read-only or not; nothing happens where there is none."""
    for place, names, _ in os.walk(folder):
        Path(place).chmod(0o755)
        for name in names:
            path = Path(place) / name
            if not path.is_symlink():
                path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


class _Watched(io.RawIOBase):
    def __init__(self, raw: BinaryIO, check: Check) -> None:
        self._raw, self._check = raw, check

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._raw.read(size)
