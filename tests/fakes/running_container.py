"""A real container: `./serve` on a free port, its folders below one that a test owns."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quire.process.run_samples import free_port
from tests.fakes.processes import command_line, descendants
from tests.fakes.running_front_end import PATIENCE_SECONDS, ROOT, Answer, eventually, http_request

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Container:
    """A started `./serve`."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ping(self) -> int:
        return http_request(self.port, "GET", "/ping").status

    def await_warm(self) -> None:
        eventually(lambda: accepts(self.port))
        eventually(lambda: self.ping() == 200)

    def post(self, path: Path, attributes: str = "") -> Answer:
        return http_request(self.port, "POST", "/invocations", path.read_bytes(), {ATTRIBUTES: attributes})

    def send(self, body: bytes, attributes: str = "", content_type: str = "application/json") -> Answer:
        headers = {ATTRIBUTES: attributes, "Content-Type": content_type}
        return http_request(self.port, "POST", "/invocations", body, headers)

    def pids(self) -> list[int]:
        return descendants(self.process.pid)

    def pids_of(self, word: str) -> list[int]:
        """Descendants with `word` in their command line, a parent before its children."""
        return [pid for pid in self.pids() if word.encode() in command_line(pid)]

    def ended(self) -> int:
        return self.process.wait(PATIENCE_SECONDS + 10)


def environ_of(folder: Path, port: int, **settings: str) -> dict[str, str]:
    (folder / "scratch").mkdir(exist_ok=True)
    return {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "QUIRE_BIND_HOST": "127.0.0.1",
        "QUIRE_SCRATCH_DIR": str(folder / "scratch"),
        "QUIRE_DEVICE": "cpu",
        **settings,
    }


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Container]:
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, ROOT / "serve", "serve"),
            env=environ_of(folder, port, **settings),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Container(process, port, folder)
    finally:
        process.kill()
        process.wait()


def run_serve(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One that is expected to end by itself."""
    return subprocess.run(
        (sys.executable, ROOT / "serve", *arguments),
        env=environ_of(folder, free_port(), **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def handler_folder(base: Path, program: str) -> Path:
    """A base dir whose model is a user's program, beside whatever is there already."""
    code = base / "model" / "code"
    code.mkdir(parents=True, exist_ok=True)
    (code / "inference.py").write_text(program)
    return base
