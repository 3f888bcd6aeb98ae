"""What a container is sent, byte for byte, and which of its answers async inference takes."""

from __future__ import annotations

import io
import socket
import threading
from pathlib import Path

import pytest

from quire_endpoint.local.queue import data_log
from quire_endpoint.local.queue.container import (
    Answer,
    AnswerNotKept,
    BadResponse,
    ConnectionBroken,
    ContainerConnection,
)
from quire_endpoint.local.queue.sending import CHUNK_BYTES
from tests.fakes.scripted_container import OK, ScriptedContainer

LIMIT_BYTES = 1 << 20
LARGE = b"x" * (40 * CHUNK_BYTES)


def call(connection: ContainerConnection, answer: Path, body: bytes = b"hello") -> Answer:
    connection.prepare()
    return connection.call({"Accept": "text/plain", "X-Own": "1"}, io.BytesIO(body), len(body), answer)


def ask(container: ScriptedContainer, answer: Path, body: bytes = b"hello") -> Answer:
    return call(ContainerConnection(container.port, LIMIT_BYTES), answer, body)


def test_it_gets_the_body_its_length_the_headers_named_and_nothing_else(tmp_path: Path) -> None:
    with ScriptedContainer() as container:
        answer = ask(container, tmp_path / "answer")
    assert answer == Answer(200, "text/x-said", 2)
    assert (tmp_path / "answer").read_bytes() == b"hi"
    first, *lines = container.heads[0].decode().split("\r\n")
    assert first == "POST /invocations HTTP/1.1"
    assert [line for line in lines if line] == [
        f"Host: 127.0.0.1:{container.port}",
        "Content-Length: 5",
        "Accept: text/plain",
        "X-Own: 1",
    ]
    assert container.bodies == [b"hello"]


@pytest.mark.parametrize("body", [b"", LARGE], ids=["empty", "large"])
def test_bodies_of_any_size_arrive_whole(tmp_path: Path, body: bytes) -> None:
    with ScriptedContainer() as container:
        ask(container, tmp_path / "answer", body)
    assert container.bodies == [body]


def test_an_error_status_is_an_answer(tmp_path: Path) -> None:
    with ScriptedContainer(OK.replace(b"200 OK", b"413 Too Large")) as container:
        answer = ask(container, tmp_path / "answer")
    assert answer.status == 413 and not answer.is_success


def test_an_answer_that_comes_before_the_body_is_read_counts(tmp_path: Path) -> None:
    hasty = ScriptedContainer(OK.replace(b"200 OK", b"413 Too Large"), is_hasty=True, is_kept=True)
    with hasty as container:
        assert ask(container, tmp_path / "answer", LARGE * 4).status == 413


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", data_log.NO_LENGTH),
        (b"HTTP/1.0 200 OK\r\n\r\nhi", data_log.NO_LENGTH),
        (b"HTTP/1.1 204 No Content\r\n\r\n", data_log.NO_LENGTH),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: many\r\n\r\nhi", data_log.NO_LENGTH),
        (OK.replace(b"text/x-said", b"y" * 4070), data_log.LONG_HEADERS),
        (OK.replace(b"text/x-said", b"y" * 70000), data_log.LONG_HEADERS),
        (OK.replace(b"Content-Type", b"X-A: b\r\n" * 101 + b"Content-Type"), data_log.LONG_HEADERS),
        (OK.replace(b": 2", b": 1048577"), data_log.too_large(1048577, LIMIT_BYTES)),
    ],
    ids=["chunked", "no-length", "no-content", "bad-length", "long", "very-long", "many", "too-large"],
)
def test_answers_that_async_does_not_take(tmp_path: Path, answer: bytes, sentence: str) -> None:
    with ScriptedContainer(answer) as container, pytest.raises(BadResponse) as bad:
        ask(container, tmp_path / "answer")
    assert str(bad.value) == sentence


def test_headers_of_4096_bytes_are_taken(tmp_path: Path) -> None:
    filling = 4096 - len("Content-Length" + "2" + "Content-Type")
    with ScriptedContainer(OK.replace(b"text/x-said", b"y" * filling)) as container:
        assert ask(container, tmp_path / "answer").status == 200


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", b"nonsense\r\n\r\n"]
)
def test_no_answer_half_an_answer_and_nonsense_are_a_broken_connection(tmp_path: Path, answer: bytes) -> None:
    with ScriptedContainer(answer) as container, pytest.raises(ConnectionBroken):
        ask(container, tmp_path / "answer")


def test_nobody_there_is_a_broken_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionBroken, match="refused"):
        call(ContainerConnection(port, LIMIT_BYTES), tmp_path / "answer")


def test_each_call_has_a_connection_of_its_own(tmp_path: Path) -> None:
    with ScriptedContainer(is_kept=True) as container:
        connection = ContainerConnection(container.port, LIMIT_BYTES)
        for _ in range(3):
            call(connection, tmp_path / "answer")
        assert container.num_connections == 3


def test_an_answer_that_this_machines_disk_does_not_take_is_not_the_containers_fault(tmp_path: Path) -> None:
    with ScriptedContainer() as container:
        for full in (Path("/dev/full"), tmp_path / "gone" / "answer"):
            with pytest.raises(AnswerNotKept) as lost:
                ask(container, full)
            assert lost.value.status == 200


def test_a_call_is_broken_off_from_another_thread_and_the_next_is_not(tmp_path: Path) -> None:
    with ScriptedContainer() as container:
        container.is_answering.clear()
        connection = ContainerConnection(container.port, LIMIT_BYTES)

        def cancel_once_asked() -> None:
            container.await_asked()
            connection.cancel()

        thread = threading.Thread(target=cancel_once_asked)
        thread.start()
        with pytest.raises(ConnectionBroken):
            call(connection, tmp_path / "answer")
        thread.join()
        container.is_answering.set()
        assert call(connection, tmp_path / "answer").status == 200


def test_a_call_that_was_cancelled_before_it_began_is_not_made(tmp_path: Path) -> None:
    with ScriptedContainer() as container:
        connection = ContainerConnection(container.port, LIMIT_BYTES)
        connection.prepare()
        connection.cancel()
        with pytest.raises(ConnectionBroken, match="cancelled"):
            connection.call({}, io.BytesIO(b""), 0, tmp_path / "answer")
        assert not container.heads
