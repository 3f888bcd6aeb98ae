"""The suite's container does what a request asks of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.conformance.local_target import CONTAINER


@dataclass(frozen=True)
class Running:
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, wish: dict[str, Any] | bytes) -> tuple[http.client.HTTPResponse, bytes]:
        body = wish if isinstance(wish, bytes) else json.dumps({"do": wish}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/invocations", body, {"X-Amzn-SageMaker-Inference-Id": "one"})
        response = connection.getresponse()
        try:
            return response, response.read()
        except http.client.IncompleteRead as cut:
            return response, cut.partial
        finally:
            connection.close()

    def ping(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/ping")
        try:
            return connection.getresponse().status
        finally:
            connection.close()


def await_port(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise AssertionError("the container does not start")


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Running]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = {"SAGEMAKER_BIND_TO_PORT": str(port), "QUIRE_BIND_HOST": "127.0.0.1"}
    given = {**os.environ, **where, "SAGEMAKER_BASE_DIR": str(folder), **environ}
    process = subprocess.Popen([sys.executable, CONTAINER, "serve"], env=given, stdout=subprocess.DEVNULL)
    try:
        await_port(port)
        yield Running(port, process)
    finally:
        process.kill()
        process.wait(30)


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("base")) as started:
        yield started


def test_it_tells_what_arrived(container: Running) -> None:
    told = json.loads(container.ask(b"four")[1])
    assert (told["body_bytes"], told["arguments"], told["model"]) == (4, ["serve"], {})
    assert ["X-Amzn-SageMaker-Inference-Id", "one"] in told["headers"]


def test_it_answers_as_wished(container: Running) -> None:
    response, body = container.ask({"status": 418, "text": "short", "content_type": "text/plain"})
    assert (response.status, body, response.headers["Content-Type"]) == (418, b"short", "text/plain")
    assert len(container.ask({"size_bytes": 100_000})[1]) == 100_000
    assert len(container.ask({"header_bytes": 4000})[0].headers["X-Conformance-Padding"]) == 4000


def test_it_answers_badly_as_wished(container: Running) -> None:
    chunked, whole = container.ask({"is_chunked": True, "text": "in chunks"})
    assert (chunked.headers["Content-Length"], whole) == (None, b"in chunks")
    cut, half = container.ask({"is_cut": True, "text": "12345678"})
    assert (cut.headers["Content-Length"], half) == ("8", b"1234")


def test_it_tells_of_all_it_has_seen(container: Running) -> None:
    container.ask({"text": "before"})
    seen = json.loads(container.ask({"is_seen": True})[1])["seen"]
    assert [one["inference_id"] for one in seen[-2:]] == ["one", "one"]
    assert seen[-2]["ended"] >= seen[-2]["began"]


def test_it_becomes_ill(tmp_path: Path) -> None:
    with running(tmp_path) as container:
        assert container.ping() == 200
        container.ask({"ping_status": 503})
        assert container.ping() == 503


def test_it_is_not_well_before_its_time(tmp_path: Path) -> None:
    with running(tmp_path, CONFORMANCE_START_SECONDS="3600") as container:
        assert container.ping() == 503


def test_it_exits_with_the_status_asked_for(tmp_path: Path) -> None:
    with running(tmp_path) as container:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            container.ask({"exit_status": 3})
        assert container.process.wait(30) == 3


def test_sigterm_ends_it_unless_it_is_stubborn(tmp_path: Path) -> None:
    with running(tmp_path) as container:
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(30) == 0
    with running(tmp_path, CONFORMANCE_SIGTERM="ignore") as container:
        container.process.send_signal(signal.SIGTERM)
        assert container.ping() == 200
