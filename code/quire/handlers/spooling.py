"""Where bytes of unknown length land: a file, under a counted cap and an eye on the free disk."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from quire.words.errors import BodyTooLarge, InsufficientStorage

CHUNK_BYTES = 1024 * 1024

_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class SpooledBody:
    """Bytes that lie on this machine's disk, counted and hashed while they arrived."""

    path: Path
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Spool:
    """A directory that takes bodies of at most `max_bytes` and leaves `min_free_bytes` of its disk."""

    directory: Path
    max_bytes: int
    min_free_bytes: int

    def check(self, num_bytes: int | None) -> None:
        """Refuses what is known not to fit before a byte is read. Raises BodyTooLarge or
        InsufficientStorage; None is a length that nobody announced."""
        announced = num_bytes or 0
        if announced > self.max_bytes:
            raise BodyTooLarge(f"{announced} bytes are more than the {self.max_bytes} allowed")
        disk = os.statvfs(self.directory)
        if disk.f_bavail * disk.f_frsize - announced < self.min_free_bytes:
            raise InsufficientStorage("the scratch disk has no room for the document now; try again later")

    def write(self, name: str, chunks: Iterable[bytes]) -> SpooledBody:
        """Raises BodyTooLarge or InsufficientStorage at the chunk that goes too far."""
        path = self.directory / name
        digest = hashlib.sha256()
        num_bytes = 0
        with _full_disk_named(), path.open("xb", buffering=0) as file:
            for chunk in chunks:
                num_bytes += len(chunk)
                if num_bytes > self.max_bytes:
                    raise BodyTooLarge(f"the document has more than the {self.max_bytes} bytes allowed")
                self.check(len(chunk))
                digest.update(chunk)
                _write_whole(file.fileno(), chunk)
        return SpooledBody(path, num_bytes, digest.hexdigest())


@contextmanager
def private_directory(parent: Path) -> Iterator[Path]:
    """A directory that is gone afterwards, whatever happened inside."""
    with _full_disk_named():
        directory = parent / f"invocation-{secrets.token_hex(8)}"
        directory.mkdir(mode=0o700)
        try:
            yield directory
        finally:
            _remove(directory)


def _remove(directory: Path) -> None:
    """It holds files alone; what cannot be removed is left to the container's end. By its old name, a worker
    that is late finds it no more, and adds nothing to it meanwhile."""
    gone = directory.with_name(f"gone-{directory.name}")
    with suppress(OSError):
        directory.rename(gone)
        for path in gone.iterdir():
            with suppress(OSError):
                path.unlink()
        gone.rmdir()


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_IS_FULL:
            raise InsufficientStorage("the scratch disk is full; try again later") from error
        raise


def _write_whole(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
