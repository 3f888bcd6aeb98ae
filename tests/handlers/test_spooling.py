"""Bodies on disk: counted, hashed, capped, and gone afterwards."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.handlers.spooling import Spool, private_directory
from quire.words.errors import BodyTooLarge, InsufficientStorage


def test_a_body_is_counted_and_hashed(tmp_path: Path) -> None:
    body = Spool(tmp_path, 100, 0).write("body", [b"one", b"", b"two"])
    assert body.path.read_bytes() == b"onetwo"
    assert (body.num_bytes, body.sha256) == (6, hashlib.sha256(b"onetwo").hexdigest())


def test_the_cap_itself_fits_and_a_byte_more_does_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 6, 0)
    spool.check(6)
    spool.write("fits", [b"123", b"456"])
    with pytest.raises(BodyTooLarge):
        spool.check(7)
    with pytest.raises(BodyTooLarge):
        spool.write("too-long", [b"123", b"456", b"7"])


def test_what_would_not_leave_the_disk_its_reserve_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100, 2**60)
    with pytest.raises(InsufficientStorage):
        spool.check(None)
    with pytest.raises(InsufficientStorage):
        spool.write("body", [b"x"])


def test_a_disk_that_fills_up_meanwhile_is_named(tmp_path: Path) -> None:
    with pytest.raises(InsufficientStorage):
        Spool(tmp_path, 100, 0).write("body", disk_that_fills_up())


def disk_that_fills_up() -> Iterator[bytes]:
    yield b"x"
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_private_directory_is_gone_whatever_happened(tmp_path: Path) -> None:
    with pytest.raises(KeyError), private_directory(tmp_path) as directory:
        (directory / "file").write_bytes(b"x")
        assert directory.stat().st_mode & 0o777 == 0o700
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_late_leaves_nothing_behind(tmp_path: Path) -> None:
    ended: list[OSError] = []

    def write_on() -> None:
        try:
            for number in range(1_000_000):
                (directory / f"answer-{number}").write_bytes(b"x")
                written.set()
        except OSError as error:
            ended.append(error)

    for _ in range(20):
        written = threading.Event()
        late = threading.Thread(target=write_on)
        with private_directory(tmp_path) as directory:
            late.start()
            written.wait()
        late.join()
        assert list(tmp_path.iterdir()) == []
    assert {type(error) for error in ended} == {FileNotFoundError}
