"""How is a model folder written as one model.tar.gz? As a stream, and the same bytes for the same folder."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from quire_endpoint.pack_files import CannotPack, PackedFile

_COMPRESSION_LEVEL = 1
"""Weights hardly shrink, whatever the level; higher ones only take longer."""

_PLAIN, _EXECUTABLE = 0o644, 0o755

OnBytes = Callable[[int], None]
"""Told of so many more bytes read."""


def write_archive(files: Sequence[PackedFile], archive: Path, on_bytes: OnBytes) -> None:
    """Replaces `archive` whole or not at all. Raises OSError, and CannotPack for a file that changes while
    it is read."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(
        prefix=f".{archive.name}.", suffix=".incomplete", dir=archive.parent
    )
    try:
        # No file name and no time in the gzip header: the archive depends on the folder alone.
        with (
            os.fdopen(descriptor, "wb") as raw,
            gzip.GzipFile("", "wb", _COMPRESSION_LEVEL, raw, mtime=0) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for file in files:
                _add(tar, file, on_bytes)
        Path(partial).chmod(_PLAIN)
        Path(partial).replace(archive)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _add(tar: tarfile.TarFile, file: PackedFile, on_bytes: OnBytes) -> None:
    entry = tarfile.TarInfo(file.name)
    entry.size = file.num_bytes
    entry.mode = _EXECUTABLE if file.is_executable else _PLAIN
    with file.source.open("rb") as content:
        try:
            tar.addfile(entry, Counted(content, on_bytes))
        except OSError as error:
            if error.errno is not None:
                raise
            # tarfile's own word for a file that ends early.
            raise CannotPack(f"{file.source} became shorter while it was read") from error
        if content.read(1):
            raise CannotPack(f"{file.source} became longer while it was read")


class Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, content: BinaryIO, on_bytes: OnBytes) -> None:
        self._content = content
        self._on_bytes = on_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._content.read(size)
        self._on_bytes(len(block))
        return block
