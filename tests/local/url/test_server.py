"""The server under the connections that a laptop sees: many, long, kept alive, cut, impatient."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import boto3
import pytest
from botocore.config import Config

from quire_endpoint.local.url.server import Server
from tests.fakes.bare_url import BareUrl, Named
from tests.fakes.own_callers import Callers

WAIT_SECONDS = 20


def ask(port: int, path: str = "/") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.fixture
def serve() -> Iterable[Callable[..., Server]]:
    """Starts a server of the application; all are closed after the test."""
    servers: list[Server] = []

    def start(app: WSGIApplication, threads: int = 2) -> Server:
        servers.append(Server(app, 0, threads))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Gate:
    """An application whose answers wait, until as many requests are inside as were asked for."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties, timeout=WAIT_SECONDS)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._barrier.wait()
        return Named("through")(environ, start_response)


class Inward:
    """An application that calls its own URL, as deep as the path is long, before it answers."""

    port = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        inner = ask(self.port, path[:-1]) if len(path) > 1 else ""
        return Named(f"{path[-1]}{inner}")(environ, start_response)


def together(count: int, call: Callable[[], Any]) -> list[Any]:
    """What `call` returns from `count` threads at once."""
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(call())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_more_requests_at_once_than_threads(serve: Callable[..., Server]) -> None:
    server = serve(Gate(40), threads=2)
    assert together(40, lambda: ask(server.port)) == ["through"] * 40


def test_calls_of_the_url_from_within(serve: Callable[..., Server]) -> None:
    inward = Inward()
    server = serve(inward, threads=2)
    inward.port = server.port
    assert ask(server.port, "/1234567") == "7654321/"
    assert together(10, lambda: ask(server.port, "/12")) == ["21/"] * 10


def test_long_polls_hold_up_nobody(bare: BareUrl, callers: Callers) -> None:
    """More of them than there are threads; then one message each, so that none has to run out."""
    polls = 24
    sqs = callers("sqs", config={"max_pool_connections": polls + 2})
    url = sqs.create_queue(QueueName="long")["QueueUrl"]
    found: list[Any] = []

    def poll() -> None:
        found.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"])

    threads = [threading.Thread(target=poll) for _ in range(polls)]
    for thread in threads:
        thread.start()
    sns = callers("sns")
    assert sns.create_topic(Name="meanwhile")["TopicArn"]
    while any(thread.is_alive() for thread in threads):
        sqs.send_message(QueueUrl=url, MessageBody="text")
        threads[0].join(0.02)
        threads = [thread for thread in threads if thread.is_alive()] or threads[:1]
    assert len(found) >= polls


def test_one_connection_carries_many_requests(serve: Callable[..., Server]) -> None:
    server = serve(Named("again"))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_SECONDS)
    connection.connect()
    used = connection.sock
    for _ in range(20):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"again"
    assert connection.sock is used
    connection.close()


@pytest.mark.parametrize("body", [b"body", b""])
def test_a_client_that_waits_to_be_told_to_continue(serve: Callable[..., Server], body: bytes) -> None:
    server = serve(Named("read"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS) as connection:
        head = f"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.makefile("rb")
        line = answer.readline()
        if body:
            assert line == b"HTTP/1.1 100 Continue\r\n"
            answer.readline()
            connection.sendall(body)
            line = answer.readline()
        assert line == b"HTTP/1.1 200 OK\r\n"
        answer.close()


def test_idle_connections_by_the_hundred(serve: Callable[..., Server]) -> None:
    server = serve(Named("here"))
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    assert ask(server.port) == "here"
    for connection in idle:
        connection.close()
    assert ask(server.port) == "here"


def test_an_application_that_fails_is_an_answer(
    serve: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise ZeroDivisionError("broken")

    server = serve(broken)
    assert "Internal Server Error" in ask(server.port)
    assert "ZeroDivisionError: broken" in caplog.text


def test_closed_with_a_request_at_work(serve: Callable[..., Server]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        inside.set()
        leave.wait(WAIT_SECONDS)
        return Named("late")(environ, start_response)

    server = serve(slow)
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert inside.wait(WAIT_SECONDS)
        server.close()
        assert connection.recv(1) == b""
    leave.set()
    with pytest.raises(ConnectionRefusedError):
        ask(server.port)


def test_closed_before_it_started() -> None:
    server = Server(Named("never"), 0)
    assert server.url == f"http://127.0.0.1:{server.port}"
    server.close()


def test_a_port_that_is_taken(serve: Callable[..., Server]) -> None:
    server = serve(Named("first"))
    with pytest.raises(OSError, match="in use"):
        Server(Named("second"), server.port)


def test_a_client_of_another_region_is_its_own(bare: BareUrl) -> None:
    session = boto3.session.Session("a", "b")
    options = {"endpoint_url": bare.url, "config": Config(retries={"total_max_attempts": 1})}
    for region in ("us-east-1", "eu-west-1"):
        sns = session.client("sns", region_name=region, **options)
        assert f":{region}:" in sns.create_topic(Name="regional")["TopicArn"]
        assert len(sns.list_topics()["Topics"]) >= 1
        sns.close()
