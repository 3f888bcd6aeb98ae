"""A real engine in a process of its own, over the stub model or the real one; and ways to hurt it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from quire.engine.client import EngineClient
from quire.engine.watch import EngineWatch, Health
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest, ReadOptions
from tests.fakes.processes import command_line, descendants

CODE = Path(__file__).parents[2] / "code"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class RunningEngine:
    process: subprocess.Popen[bytes]
    address: Path
    scratch: Path

    @property
    def client(self) -> EngineClient:
        return EngineClient(self.address, self.scratch)

    def read(self, path: Path, *, seconds: float = PATIENCE_SECONDS, **options: Any) -> DocumentReading:
        media_type = {".png": "image/png", ".pdf": "application/pdf", ".tif": "image/tiff"}[path.suffix]
        request = DocumentRequest(
            path=path,
            media_type=media_type,
            num_bytes=path.stat().st_size,
            sha256="",
            options=ReadOptions(**options),
        )
        return self.client.read(request, deadline=time.monotonic() + seconds)

    def worker_pids(self, module: str) -> list[int]:
        """Processes below the engine that run `module`."""
        below = descendants(self.process.pid)
        return [pid for pid in below if module.encode() in command_line(pid)]

    def kill_worker(self, module: str) -> None:
        os.kill(self.worker_pids(module)[0], signal.SIGKILL)


def stub_folder(base: Path, **options: Any) -> Path:
    """A base dir whose model is the stub."""
    (base / "model").mkdir(parents=True, exist_ok=True)
    chosen = {"task": "stub", "options": options}
    (base / "model" / "quire.json").write_bytes(msgspec.json.encode(chosen))
    return base


def start_engine(folder: Path, environ: dict[str, str]) -> RunningEngine:
    """Starts it; it is not ready yet."""
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / "engine.sock"
    address.unlink(missing_ok=True)
    with (folder / "log.jsonl").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "quire.process.engine_program"),
                *("--address", str(address), "--scratch", str(folder), "--parent-pid", str(os.getpid())),
            ],
            env={**os.environ, "PYTHONPATH": str(CODE), **environ},
            stdout=log,
        )
    return RunningEngine(process, address, folder)


@contextmanager
def running_engine(folder: Path, environ: dict[str, str]) -> Iterator[RunningEngine]:
    """A warm engine, ended afterwards whatever state it is in."""
    engine = start_engine(folder, environ)
    try:
        await_health(engine, lambda health: health.is_ready)
        yield engine
    finally:
        # A worker that a test has stopped before it was up could not die with its parent.
        workers = engine.worker_pids("quire.") if engine.process.poll() is None else []
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        engine.process.kill()
        engine.process.wait()


def await_health(engine: RunningEngine, wanted: Any, seconds: float = PATIENCE_SECONDS) -> Health:
    """Waits until the engine's health is as `wanted`."""
    reached = threading.Event()
    watch = EngineWatch(engine.address, heal_seconds=seconds)
    watch.subscribe(lambda health: reached.set() if wanted(health) else None)
    watch.start()
    try:
        assert reached.wait(seconds), f"the engine's health stayed {watch.health()}"
        return watch.health()
    finally:
        watch.stop()
