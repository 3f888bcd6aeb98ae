"""Bodies on their way to the disk: whole, in chunks, too long, broken off, refused."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.running_front_end import PNG, RunningFrontEnd, eventually, running_front_end
from tests.frontend.conftest import MAX_BODY_BYTES

HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
END_OF_READING = b'"timings_ms":{}}'
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


def sized(num_bytes: int) -> bytes:
    return PNG + os.urandom(num_bytes - len(PNG))


def in_chunks(body: bytes, num_bytes: int) -> Iterator[bytes]:
    return (body[start : start + num_bytes] for start in range(0, len(body), num_bytes))


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def read_until_closed(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("num_bytes", [200, 1024 * 1024, 1024 * 1024 + 1, MAX_BODY_BYTES])
def test_a_body_arrives_unchanged(front_end: RunningFrontEnd, num_bytes: int) -> None:
    body = sized(num_bytes)
    source = front_end.invoke(body=body).json["source"]
    assert (source["bytes"], source["sha256"]) == (num_bytes, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("chunk_bytes", [7, 65536, 3 * 1024 * 1024])
def test_a_body_in_chunks_arrives_unchanged(front_end: RunningFrontEnd, chunk_bytes: int) -> None:
    body = sized(20_000 if chunk_bytes == 7 else 2_500_000)
    source = front_end.invoke(body=in_chunks(body, chunk_bytes)).json["source"]
    assert (source["bytes"], source["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_one_byte_too_many_is_refused(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke("big", body=sized(MAX_BODY_BYTES + 1))
    assert (answer.status, answer.error["code"]) == (413, "body_too_large")
    assert answer.error["reference"] == "big"
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_one_byte_too_many_in_chunks_is_refused(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke(body=in_chunks(sized(MAX_BODY_BYTES + 1), 65536))
    assert (answer.status, answer.error["code"]) == (413, "body_too_large")


def test_an_announced_length_is_refused_before_a_byte_of_it_came(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_caller_that_sends_all_of_a_far_too_large_body_still_reads_the_refusal(
    front_end: RunningFrontEnd,
) -> None:
    answer = front_end.invoke(body=bytes(60 * 1024 * 1024))
    assert answer.status == 413


def test_a_full_disk_is_said_to_be_full() -> None:
    with running_front_end(QUIRE_MIN_FREE_DISK_BYTES=str(1024**4)) as front_end:
        answer = front_end.invoke()
        assert (answer.status, answer.error["code"]) == (507, "insufficient_storage")
        assert answer.error["retryable"]


def test_a_body_that_breaks_off_leaves_nothing(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 2000000\r\n\r\n" + sized(1_500_000))
        eventually(front_end.left_behind)
    eventually(lambda: front_end.left_behind() == [])


def test_a_body_that_breaks_off_is_told_to_who_still_listens(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n" + PNG)
        connection.shutdown(socket.SHUT_WR)
        answer = read_until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"broke off after 108 of 500 bytes" in answer


@pytest.mark.parametrize("chunks", [b"zz\r\nhello\r\n", b"5\r\nhelloXX", b"ffffffff\r\nhello"])
def test_garbled_chunks_are_the_callers_fault(front_end: RunningFrontEnd, chunks: bytes) -> None:
    with front_end.connect() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        connection.shutdown(socket.SHUT_WR)
        answer = read_until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"bad_request"' in answer


def test_requests_on_one_connection_are_answered_in_turn(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as connection:
        for _ in range(3):
            connection.sendall(with_length(PNG))
            answer = b""
            while END_OF_READING not in answer:
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_answered_in_turn(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as connection:
        connection.sendall(
            with_length(PNG)
            + with_length(sized(5000))
            + PING.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        answers = read_until_closed(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.index(b'"bytes":108') < answers.index(b'"bytes":5000')


def test_a_body_of_many_bodies_size_does_not_stay_in_memory() -> None:
    with running_front_end() as front_end:
        front_end.invoke()
        before = resident_bytes(front_end)
        body = sized(150_000_000)
        assert front_end.invoke(body=body).json["source"]["bytes"] == len(body)
        assert front_end.invoke(body=iter([body])).json["source"]["bytes"] == len(body)
        assert peak_bytes(front_end) - before < 40_000_000


def worker_status(front_end: RunningFrontEnd) -> dict[str, str]:
    """/proc/<pid>/status of gunicorn's worker."""
    worker = Path(f"/proc/{front_end.pid}/task/{front_end.pid}/children").read_text().split()[0]
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def resident_bytes(front_end: RunningFrontEnd) -> int:
    return int(worker_status(front_end)["VmRSS"].split()[0]) * 1024


def peak_bytes(front_end: RunningFrontEnd) -> int:
    return int(worker_status(front_end)["VmHWM"].split()[0]) * 1024


def test_a_stalled_body_does_not_delay_others(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as stalled:
        stalled.sendall(HEAD + b"Content-Length: 500\r\n\r\n" + PNG)
        time.sleep(0.05)
        assert front_end.invoke().status == 200
