"""Whose is the folder that a local endpoint keeps everything in?"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "quire-local.lock"
"""A file that says that the folder is a local endpoint's, and is locked while one runs."""

_CLEARED = ("s3", "queue", "bodies", "instances", "logs")
"""What a local endpoint keeps there, and takes for its own."""


class FolderRefused(Exception):
    """The folder cannot be used, or is somebody's; the message says whose."""


@contextmanager
def own_folder(folder: Path) -> Iterator[Path]:
    """`folder`, made where it is not there, as an absolute path, and nobody else's until the end: what an
    earlier endpoint left in it may be deleted. Raises FolderRefused."""
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_strangers(folder)
        mark = (folder / MARK).open("a")
    except OSError as error:
        raise FolderRefused(f"{folder} cannot be used: {error}") from error
    with mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderRefused(f"another local endpoint runs in {folder}: name another folder") from error
        yield folder


def _refuse_strangers(folder: Path) -> None:
    others = [name for name in _CLEARED if (folder / name).exists()]
    if others and not (folder / MARK).exists():
        raise FolderRefused(
            f"{folder / others[0]} is no local endpoint's, and one would delete it: name another folder"
        )
