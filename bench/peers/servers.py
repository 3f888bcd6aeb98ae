"""How are the peers' servers started, found ready, and stopped?"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from quire.process.run_samples import free_port

START_SECONDS = 300.0
_STOP_SECONDS = 20.0
_LAST_WORDS = 2000
_POLL_SECONDS = 0.1


class PeerAbsent(Exception):
    """The peer is not installed on this machine, or does not start here; the message says which."""


@dataclass(frozen=True)
class Batching:
    """LitServe's two knobs."""

    max_batch_size: int
    batch_timeout_seconds: float

    def __str__(self) -> str:
        return f"max_batch_size={self.max_batch_size}, batch_timeout={self.batch_timeout_seconds:g}"


@dataclass(frozen=True)
class PeerServer:
    """A server in a process group of its own, which can be frozen while others are measured."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def freeze(self) -> None:
        """It takes no processor time from now on: some servers poll while they have nothing to do."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Runs within the block, and is frozen after it."""
        os.killpg(self.process.pid, signal.SIGCONT)
        try:
            yield
        finally:
            self.freeze()

    def await_true(self, is_ready: Callable[[], bool]) -> None:
        """Raises PeerAbsent when it ends or is too slow."""
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-_LAST_WORDS:]
                raise PeerAbsent(f"it did not start; it said last: {said}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """The whole group: neither server is trusted to end its own processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGCONT)
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def flask_container(folder: Path, workers: int, environ: Mapping[str, str]) -> Iterator[PeerServer]:
    """gunicorn with so many sync workers, all of them warm. Its files go to `folder`."""
    ready = folder / "flask-ready"
    ready.mkdir()
    port = free_port()
    command = (
        *(sys.executable, "-m", "gunicorn", "--worker-class", "sync", "--workers", str(workers)),
        *("--bind", f"127.0.0.1:{port}", "--timeout", "900", "--no-control-socket"),
        "bench.peers.flask_container:app",
    )
    with _started(command, port, folder / "flask.log", {**environ, "READY_DIR": str(ready)}) as server:
        server.await_true(lambda: len(list(ready.iterdir())) >= workers)
        yield server


@contextlib.contextmanager
def litserve_container(
    folder: Path, workers: int, accelerator: str, batching: Batching, environ: Mapping[str, str]
) -> Iterator[PeerServer]:
    """LitServe with so many workers on the one device, all of them ready. Raises PeerAbsent."""
    if find_spec("litserve") is None:
        raise PeerAbsent("litserve is not installed (requirements-bench.lock)")
    port = free_port()
    command = (
        *(sys.executable, "-m", "bench.peers.litserve_container", "--port", str(port)),
        *("--accelerator", accelerator, "--workers", str(workers), "--parent-pid", str(os.getpid())),
        *("--max-batch-size", str(batching.max_batch_size)),
        *("--batch-timeout", str(batching.batch_timeout_seconds)),
    )
    with _started(command, port, folder / f"litserve-{port}.log", environ) as server:
        server.await_true(lambda: _status(port, "/health") == 200)
        yield server


@contextlib.contextmanager
def _started(
    command: Sequence[str], port: int, log: Path, environ: Mapping[str, str]
) -> Iterator[PeerServer]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env={**os.environ, **environ}, stdout=file, stderr=file, start_new_session=True
        )
    server = PeerServer(port, log, process)
    try:
        yield server
    finally:
        server.stop()


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
