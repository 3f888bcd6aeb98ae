"""Where do the bytes of objects lie, and how do they get there?"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from quire_endpoint.local.s3.aws_chunked import BLOCK_BYTES
from quire_endpoint.local.s3.checksums import new_digest

GRACE_SECONDS = 5.0
"""How long a file outlives its object, on the wall: who found the object opens the file a moment later."""


@dataclass(frozen=True)
class Body:
    """A file that is never written again. `checksums` are base64 by algorithm."""

    path: Path
    size_bytes: int
    md5: bytes
    checksums: Mapping[str, str] = field(default_factory=dict)


class Bodies:
    """Files in `folder`, each named by a UUID. The folder is one store's alone: what an earlier run left is
    deleted. Threads may call at once."""

    def __init__(self, folder: Path, grace_seconds: float = GRACE_SECONDS) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder
        self._grace_seconds = grace_seconds
        self._buried: deque[tuple[float, Path]] = deque()
        self._lock = threading.Lock()

    def receive(self, blocks: Iterable[bytes], algorithms: Collection[str] = ()) -> Body:
        """Whatever fails, `blocks` included, leaves no file."""
        md5 = hashlib.md5(usedforsecurity=False)
        digests = {name: digest for name in algorithms if (digest := new_digest(name))}
        size_bytes = 0
        with self._new_file() as (path, file):
            for block in blocks:
                for digest in (md5, *digests.values()):
                    digest.update(block)
                size_bytes += file.write(block)
        checksums = {name: base64.b64encode(digest.digest()).decode() for name, digest in digests.items()}
        return Body(path, size_bytes, md5.digest(), checksums)

    def take(self, file: Path) -> Body:
        """Moves `file` here; where that fails, nothing is left here."""
        path = self._new_path()
        try:
            shutil.move(file, path)
            md5, size_bytes = hashlib.md5(usedforsecurity=False), 0
            for block in file_blocks(path):
                md5.update(block)
                size_bytes += len(block)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return Body(path, size_bytes, md5.digest())

    def copy(self, body: Body) -> Body:
        """A second name for the same bytes where the file system has hard links."""
        path = self._new_path()
        try:
            os.link(body.path, path)
        except OSError:
            shutil.copyfile(body.path, path)
        return Body(path, body.size_bytes, body.md5, body.checksums)

    def join(self, bodies: Iterable[Body]) -> tuple[Path, int]:
        """One file of them all, in this order, and its size; they stay as they are."""
        with self._new_file() as (path, file):
            for body in bodies:
                with body.path.open("rb") as part:
                    shutil.copyfileobj(part, file, BLOCK_BYTES)
        return path, path.stat().st_size

    def bury(self, body: Body) -> None:
        """Deletes its file soon: when the next comes or goes after that."""
        with self._lock:
            self._buried.append((time.monotonic() + self._grace_seconds, body.path))
        self._purge()

    def _purge(self) -> None:
        now = time.monotonic()
        with self._lock:
            while self._buried and self._buried[0][0] <= now:
                self._buried.popleft()[1].unlink(missing_ok=True)

    def drop(self, body: Body) -> None:
        """Deletes its file now: nobody has seen it."""
        body.path.unlink(missing_ok=True)

    def _new_path(self) -> Path:
        self._purge()
        return self._folder / uuid.uuid4().hex

    @contextmanager
    def _new_file(self) -> Iterator[tuple[Path, BinaryIO]]:
        path = self._new_path()
        try:
            with path.open("xb") as file:
                yield path, file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def file_blocks(path: Path, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Of the file's bytes from `start` on, at most `length` of them."""
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(BLOCK_BYTES if length is None else min(BLOCK_BYTES, length)):
            length = None if length is None else length - len(block)
            yield block
