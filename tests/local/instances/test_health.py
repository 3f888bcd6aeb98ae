"""What a container says of itself is heard within its time, and compared with what the endpoint does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from quire_endpoint.local.instances.health import advised_concurrency, concurrency_warning, ping


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def answering(listener: socket.socket, answer: bytes) -> int:
    """The port of something that gives this answer, once, and closes."""

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    threading.Thread(target=run, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.0 200 OK\r\n\r\nfine", None),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "status 204"),
        (b"hello\r\n\r\n", "BadStatusLine: hello"),
        (b"", "RemoteDisconnected: Remote end closed connection without response"),
    ],
    ids=["200", "http-1.0", "503", "204", "no-http", "nothing"],
)
def test_a_ping_succeeds_by_a_200_alone(listener: socket.socket, answer: bytes, failure: str | None) -> None:
    found = ping(answering(listener, answer))
    assert (found or "").strip() == (failure or "")


def test_a_ping_without_an_answer_fails(listener: socket.socket) -> None:
    assert ping(listener.getsockname()[1], seconds=0.2) == "no answer within 0.2 s"


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"],
    ids=["head", "body"],
)
def test_an_answer_that_comes_byte_by_byte_has_no_longer(listener: socket.socket, beginning: bytes) -> None:
    left = threading.Event()

    def run() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(beginning)
            for _ in range(50):
                time.sleep(0.05)
                connection.sendall(b"x")
            connection.sendall(b"\r\nContent-Length: 0\r\n\r\n")
            return
        left.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ping(listener.getsockname()[1], seconds=0.2) == "no answer within 0.2 s"
    thread.join()
    assert left.is_set(), "its sender was not heard to the end"


def test_a_ping_to_nobody_fails(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert "Connection refused" in str(ping(port))


@pytest.mark.parametrize(
    ("body", "advised"),
    [
        (b'{"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD"}', 4),
        (b'{"MaxConcurrentTransforms": true}', None),
        (b"[4]", None),
        (b"not json", None),
    ],
)
def test_concurrency_is_read_where_it_is_told(
    listener: socket.socket, body: bytes, advised: int | None
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    assert advised_concurrency(answering(listener, answer)) == advised


def test_a_container_need_not_tell_it(listener: socket.socket) -> None:
    assert advised_concurrency(answering(listener, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")) is None


def test_only_a_difference_is_warned_of() -> None:
    assert concurrency_warning(None, 4) is None
    assert concurrency_warning(4, 4) is None
    assert "waits inside the container" in str(concurrency_warning(1, 4))
    assert "never full" in str(concurrency_warning(4, 1))
