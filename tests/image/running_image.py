"""Containers of the image under test, started without a network and with a read-only root."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELAY = Path(__file__).with_name("relay.py")
START_SECONDS = 120.0
STOP_SECONDS = 40.0
PORT = 8080


@dataclass(frozen=True)
class Answer:
    """Of one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=900)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def engine(*arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Docker, or who speaks its language."""
    program = os.environ["CONTAINER_ENGINE"]
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=timeout)


@dataclass(frozen=True)
class Running:
    """A started container; `socket` is how it is reached."""

    name: str
    socket: Path

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = _UnixConnection(self.socket)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def post(self, body: bytes, content_type: str, attributes: str = "") -> Answer:
        headers = {"Content-Type": content_type, "X-Amzn-SageMaker-Custom-Attributes": attributes}
        return self.request("POST", "/invocations", body, headers)

    def ping(self) -> int | None:
        try:
            return self.request("GET", "/ping").status
        except (OSError, http.client.HTTPException):
            return None

    def await_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.ping() != 200:
            if time.monotonic() > deadline or not self.is_running():
                raise AssertionError(f"the container did not become healthy:\n{self.log()[-4000:]}")
            time.sleep(0.1)

    def python(self, program: str, *arguments: str) -> str:
        """What a program prints that runs inside, beside the container's own."""
        done = engine("exec", self.name, "python", "-c", program, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def signal(self, name: str) -> None:
        assert engine("kill", "--signal", name, self.name).returncode == 0

    def is_running(self) -> bool:
        return self._inspected("{{.State.Running}}") == "true"

    def exit_code(self) -> int:
        """Waits for the end."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_running():
            assert time.monotonic() < deadline, "the container does not end"
            time.sleep(0.1)
        return int(self._inspected("{{.State.ExitCode}}"))

    def log(self) -> str:
        told = engine("logs", self.name)
        return told.stdout + told.stderr

    def _inspected(self, template: str) -> str:
        return engine("inspect", "--format", template, self.name).stdout.strip()


@contextlib.contextmanager
def running(image: str, *options: str, **settings: str) -> Iterator[Running]:
    """A container started with `serve`, not yet healthy; removed in the end. `options` are more of the
    engine's, `settings` environment variables."""
    with tempfile.TemporaryDirectory(prefix="quire-image-") as folder:
        name, path = f"quire-test-{uuid.uuid4().hex[:12]}", Path(folder) / "http.sock"
        given = [
            *("--detach", "--name", name, "--network", "none", "--read-only", "--tmpfs", "/tmp"),
            *("--volume", f"{folder}:/relay"),
            *(f"--env={key}={value}" for key, value in settings.items()),
            *options,
        ]
        started = engine("run", *given, image, "serve")
        assert started.returncode == 0, started.stderr
        try:
            container = Running(name, path)
            _start_relay(container)
            yield container
        finally:
            engine("rm", "--force", name)


def _start_relay(container: Running) -> None:
    """Which a container that ends at once does not live to see."""
    source = RELAY.read_text(encoding="utf-8")
    engine("exec", "--detach", container.name, "python", "-c", source, "/relay/http.sock", str(PORT))


def run_once(
    image: str, *options: str, command: Sequence[str] = ("serve",)
) -> subprocess.CompletedProcess[str]:
    """A container that is expected to end by itself."""
    return engine(
        "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", *options, image, *command
    )
