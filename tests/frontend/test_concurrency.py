"""Many invocations at once: a queue before the engine, and a thread for /ping whatever happens."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from tests.fakes.running_front_end import PNG, Answer, RunningFrontEnd, eventually, running_front_end

HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"


@contextmanager
def in_background(num_threads: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(num_threads) as pool:
        yield pool


def raw_invocation(reference: str) -> bytes:
    attributes = b"X-Amzn-SageMaker-Custom-Attributes: ref=%s\r\n" % reference.encode()
    return HEAD + attributes + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG


def num_left(front_end: RunningFrontEnd) -> int:
    return len(list(front_end.directory.front_end_scratch.iterdir()))


def test_a_hundred_at_once_are_all_answered_while_ping_answers() -> None:
    with running_front_end(QUIRE_MAX_CONCURRENT_INVOCATIONS="4") as front_end, in_background(100) as pool:
        posts = [pool.submit(front_end.invoke, "sleep:0.02") for _ in range(100)]
        slowest = 0.0
        while not all(post.done() for post in posts):
            began = time.monotonic()
            assert front_end.request("GET", "/ping").status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert {post.result().status for post in posts} == {200}
        assert slowest < 2.0, "the platform gives up on a ping after two seconds"
        assert (front_end.directory.path / "most-inside").read_text() == "4"
        assert front_end.log_lines(
            "more invocations at once than QUIRE_MAX_CONCURRENT_INVOCATIONS; the others wait: set it to the "
            "endpoint's MaxConcurrentInvocationsPerInstance"
        )
        assert max(line["peak"] for line in front_end.log_lines("invocation")) > 4


def test_eight_threads_are_kept_for_ping() -> None:
    with running_front_end(QUIRE_MAX_THREADS="16") as front_end, in_background(8) as pool:
        held = [pool.submit(front_end.invoke, "wait") for _ in range(8)]
        eventually(lambda: num_left(front_end) == 8)
        refused = front_end.invoke("one-too-many")
        assert (refused.status, refused.error["code"], refused.error["retryable"]) == (
            503,
            "overloaded",
            True,
        )
        assert refused.error["reference"] == "one-too-many"
        assert front_end.request("GET", "/ping").status == 200
        (front_end.directory.path / "release").touch()
        assert [future.result().status for future in held] == [200] * 8
        assert front_end.invoke().status == 200


def test_refused_callers_that_never_send_their_bodies_hold_up_nobody() -> None:
    announced = HEAD + b"Content-Length: 1000000\r\n\r\n"
    with (
        running_front_end(QUIRE_MAX_THREADS="16", QUIRE_MAX_BODY_BYTES="1024") as front_end,
        ExitStack() as rude,
    ):
        connections = [rude.enter_context(front_end.connect()) for _ in range(20)]
        for connection in connections:
            connection.sendall(announced)
        began = time.monotonic()
        assert front_end.request("GET", "/ping").status == 200
        assert time.monotonic() - began < 2.0
        for connection in connections:
            assert connection.recv(65536).startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 503 "))


def test_open_connections_that_say_nothing_take_no_thread() -> None:
    with running_front_end(QUIRE_MAX_THREADS="16") as front_end, ExitStack() as idle:
        for _ in range(300):
            idle.enter_context(front_end.connect())
        for _ in range(20):
            began = time.monotonic()
            assert front_end.request("GET", "/ping").status == 200
            assert time.monotonic() - began < 2.0


def test_peers_that_do_not_close_their_side_hold_up_nobody() -> None:
    with running_front_end(QUIRE_MAX_THREADS="16") as front_end, ExitStack() as rude:
        connections = [rude.enter_context(front_end.connect()) for _ in range(20)]
        for connection in connections:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        began = time.monotonic()
        assert front_end.request("GET", "/ping").status == 200
        assert time.monotonic() - began < 2.0
        for connection in connections:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_caller_that_hangs_up_frees_its_place() -> None:
    with running_front_end(QUIRE_MAX_CONCURRENT_INVOCATIONS="1") as front_end:
        with front_end.connect() as inside:
            inside.sendall(raw_invocation("wait"))
            eventually((front_end.directory.path / "most-inside").exists)
            with front_end.connect() as waiting:
                waiting.sendall(raw_invocation("waiting"))
                eventually(lambda: num_left(front_end) == 2)
            eventually(lambda: num_left(front_end) == 1)
        eventually((front_end.directory.path / "hung-up").exists)
        assert front_end.invoke().status == 200
        gone = [line for line in front_end.log_lines("invocation") if line["status"] == 499]
        assert [line["code"] for line in gone] == ["caller_gone", "caller_gone"]
        assert front_end.left_behind() == []


def test_a_request_that_follows_on_the_connection_is_no_hang_up() -> None:
    with running_front_end() as front_end, front_end.connect() as connection:
        connection.sendall(raw_invocation("sleep:0.2") + raw_invocation("second"))
        answers = b""
        while b'"reference":"second"' not in answers:
            piece = connection.recv(65536)
            assert piece, "the connection was closed"
            answers += piece
        assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_before_it_is_warm_nothing_is_refused_and_ping_says_503() -> None:
    with running_front_end(health="STARTING") as front_end, in_background(1) as pool:
        assert front_end.request("GET", "/ping").status == 503
        early = pool.submit(front_end.invoke, "early")
        eventually(lambda: num_left(front_end) == 1)
        front_end.set_health("READY")
        assert early.result().status == 200
        assert front_end.request("GET", "/ping").status == 200


def test_while_it_heals_an_invocation_waits() -> None:
    with running_front_end(health="HEALING") as front_end, in_background(1) as pool:
        assert front_end.request("GET", "/ping").status == 200
        patient = pool.submit(front_end.invoke, "patient")
        eventually(lambda: num_left(front_end) == 1)
        front_end.set_health("READY")
        assert patient.result().status == 200


def test_a_deadline_ends_the_waiting() -> None:
    with running_front_end(health="STARTING") as front_end:
        attributes = "deadline_seconds=0.2;ref=late"
        answer = front_end.invoke(X_Amzn_SageMaker_Custom_Attributes=attributes)
        assert (answer.status, answer.error["code"], answer.error["reference"]) == (
            504,
            "deadline_exceeded",
            "late",
        )


def test_draining_sends_the_waiting_and_the_new_away() -> None:
    with running_front_end(QUIRE_MAX_CONCURRENT_INVOCATIONS="1") as front_end, in_background(2) as pool:
        inside = pool.submit(front_end.invoke, "wait")
        eventually((front_end.directory.path / "most-inside").exists)
        waiting = pool.submit(front_end.invoke, "waiting")
        eventually(lambda: num_left(front_end) == 2)
        front_end.set_health("DRAINING")
        assert_is_shutting_down(waiting)
        assert front_end.request("GET", "/ping").status == 503
        assert_is_shutting_down(pool.submit(front_end.invoke, "new"))
        (front_end.directory.path / "release").touch()
        assert inside.result().status == 200


def assert_is_shutting_down(future: Future[Answer]) -> None:
    error = future.result().error
    assert (future.result().status, error["code"], error["retryable"]) == (503, "shutting_down", True)


def test_a_front_end_that_is_told_to_stop_answers_those_who_wait() -> None:
    with running_front_end(health="STARTING") as front_end, in_background(1) as pool:
        waiting = pool.submit(front_end.invoke, "waiting")
        eventually(lambda: num_left(front_end) == 1)
        front_end.stop()
        assert_is_shutting_down(waiting)


def test_a_caller_gone_before_its_answer_does_no_harm(front_end: RunningFrontEnd) -> None:
    with front_end.connect() as connection:
        connection.sendall(raw_invocation("sleep:0"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert front_end.invoke().status == 200
