"""A real gunicorn with the front end's own configuration, on a free port of 127.0.0.1."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quire.process.child_programs import (
    PARENT_PID_VARIABLE,
    RUN_DIRECTORY_VARIABLE,
    ChildProgram,
    child_environ,
    listen,
)
from quire.process.run_directory import RunDirectory
from tests.fakes.engine_that_obeys_the_reference import HEALTH_FILE

ROOT = Path(__file__).resolve().parents[2]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


def http_request(
    port: int, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own. An iterator as `body` is sent in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body, dict(headers or {}), encode_chunked=isinstance(body, Iterator))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class RunningFrontEnd:
    """Where it listens and where its files lie."""

    port: int
    pid: int
    directory: RunDirectory
    log_path: Path

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return http_request(self.port, method, path, body, headers)

    def invoke(self, reference: str = "", body: Any = PNG, **headers: str) -> Answer:
        """Posts `body` as octets; `reference` is the fake engine's order."""
        attributes = {"X-Amzn-SageMaker-Custom-Attributes": f"ref={reference}"} if reference else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"Content-Type": "application/octet-stream"}
        return self.request("POST", "/invocations", body, {**content, **attributes, **named})

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def set_health(self, name: str) -> None:
        """READY, STARTING, HEALING or DRAINING; holds once /ping says so, where it can say so."""
        waiting = self.directory.path / "health.new"
        waiting.write_text(name)
        waiting.rename(self.directory.path / HEALTH_FILE)

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.log_path.read_text().splitlines() if line[:1] == "{")
        return [line for line in lines if line["event"] == event]

    def left_behind(self) -> list[str]:
        """Files of invocations that should be gone."""
        return [path.name for path in self.directory.front_end_scratch.rglob("*")]


@contextmanager
def running_front_end(health: str = "READY", **settings: str) -> Iterator[RunningFrontEnd]:
    with tempfile.TemporaryDirectory(prefix="fe-") as name, listen("127.0.0.1", 0) as listener:
        directory = RunDirectory(Path(name))
        directory.front_end_scratch.mkdir()
        (directory.path / HEALTH_FILE).write_text(health)
        log_path = directory.path / "log"
        log_path.touch()
        environ = child_environ(
            {
                **os.environ,
                **settings,
                "PYTHONPATH": str(ROOT),
                RUN_DIRECTORY_VARIABLE: name,
                PARENT_PID_VARIABLE: str(os.getpid()),
            }
        )
        command = (
            *("/bin/sh", "-c", 'exec "$0" "$@" >>"$FRONT_END_LOG" 2>&1', sys.executable, "-m", "gunicorn"),
            *("-c", "python:quire.process.gunicorn_config", "tests.fakes.front_end_without_engine:app"),
        )
        pid = ChildProgram(command, {**environ, "FRONT_END_LOG": str(log_path)}, listener).spawn()
        front_end = RunningFrontEnd(listener.getsockname()[1], pid, directory, log_path)
        try:
            front_end.request("GET", "/ping")
            yield front_end
        finally:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


def eventually(claim: Any) -> Any:
    """Waits until `claim()` is true and returns what it returned."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (value := claim()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
    return value
