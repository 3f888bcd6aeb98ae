"""The stub container as one process on a free port, without a fleet around it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STUB = Path(__file__).with_name("stub_container.py")


@dataclass(frozen=True)
class StubProcess:
    process: subprocess.Popen[bytes]
    port: int

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def stub_process(**environment: str) -> Iterator[StubProcess]:
    """In service at once; killed at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = {"SAGEMAKER_BIND_TO_PORT": str(port), "QUIRE_BIND_HOST": "127.0.0.1", **environment}
    process = subprocess.Popen(
        [sys.executable, str(STUB), "serve"], env={**os.environ, **told}, stdout=subprocess.DEVNULL
    )
    try:
        _await(f"http://127.0.0.1:{port}/ping")
        yield StubProcess(process, port)
    finally:
        process.kill()
        process.wait()


def _await(url: str) -> None:
    for _ in range(400):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing answers at {url}")
