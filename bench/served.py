"""A container for the benchmarks: `./serve` on a free port of this machine, asked over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quire.process.run_samples import free_port

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0


@dataclass(frozen=True)
class Served:
    """A started container."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ping(self) -> int | None:
        """The status of /ping; None while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def post(self, body: bytes, content_type: str, attributes: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
        headers = {"Content-Type": content_type, "X-Amzn-SageMaker-Custom-Attributes": attributes}
        try:
            connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def await_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.ping() != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("the container did not become healthy")
            time.sleep(0.02)


def low_port() -> int:
    """One that nobody listens on. multi-model-server takes none above 32766, where the kernel's are."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextlib.contextmanager
def served(**settings: str) -> Iterator[Served]:
    """Started, not yet healthy, on a free port unless `settings`, which are environment variables, name
    one. Its log goes to a file whose end is printed when it does not stop cleanly."""
    port = int(settings.get("SAGEMAKER_BIND_TO_PORT") or free_port())
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as folder:
        base = {"SAGEMAKER_BASE_DIR": folder, "SAGEMAKER_BIND_TO_PORT": str(port)}
        environ = {**os.environ, **base, "QUIRE_BIND_HOST": "127.0.0.1", **settings}
        with (Path(folder) / "log.jsonl").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "serve")], env=environ, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield Served(port, process, Path(folder) / "log.jsonl")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            status = process.wait(40)
            if status != 0:
                print((Path(folder) / "log.jsonl").read_text()[-4000:])
