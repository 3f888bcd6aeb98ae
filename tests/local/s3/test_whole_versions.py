"""Under concurrency and cut connections an object is one whole version or not there."""

from __future__ import annotations

import hashlib
import socket
import threading
from typing import Any

from tests.fakes.bare_url import BareUrl
from tests.local.s3.seen import body_of, error_of

VERSION_BYTES = 700_000
"""Enough for the server to spool, and to send in more than one piece."""


def test_a_reader_sees_one_whole_version(s3: Any, bucket: str) -> None:
    versions = [bytes([65 + number]) * (VERSION_BYTES + number) for number in range(8)]
    s3.put_object(Bucket=bucket, Key="k", Body=versions[0])
    over = threading.Event()

    def write() -> None:
        for turn in range(40):
            s3.put_object(Bucket=bucket, Key="k", Body=versions[turn % 8])
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not over.is_set():
        got = s3.get_object(Bucket=bucket, Key="k")
        body = body_of(got)
        assert body in versions
        assert got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        seen.add(body[:1])
    writer.join()
    assert len(seen) > 1


def test_a_put_cut_off_half_way_leaves_nothing(s3: Any, bucket: str, bare: BareUrl) -> None:
    with socket.create_connection(("127.0.0.1", bare.server.port), timeout=20) as connection:
        head = f"PUT /{bucket}/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1_000_000)
    s3.put_object(Bucket=bucket, Key="after", Body=b"1")
    assert error_of(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["after"]


def test_a_reader_that_leaves_half_way_harms_nobody(s3: Any, bucket: str, bare: BareUrl) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 8_000_000)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", bare.server.port), timeout=20) as connection:
            connection.sendall(f"GET /{bucket}/k HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    assert len(body_of(s3.get_object(Bucket=bucket, Key="k"))) == 8_000_000
