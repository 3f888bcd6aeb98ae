"""What is measured: systems that read the same documents, each told to do so once a round."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.batch_log import BatchLine, batches
from bench.ceiling import CeilingProcesses
from bench.container_processes import GpuWatch, cpu_seconds
from bench.documents import Document
from bench.line_process import LineProcess
from bench.loads import Post, post_all
from tests.fakes.processes import descendants

_LOG_SECONDS = 0.05
"""What the engine may take to write the last batch's line after the answer."""


@dataclass(frozen=True)
class Round:
    """One reading of all documents. `cpu_seconds` is the processor time of all the system's processes,
    `batches` are those that it logged meanwhile, `gpu_busy_share` is None without a GPU."""

    seconds: float
    num_pages: int
    cpu_seconds: float = 0.0
    batches: tuple[BatchLine, ...] = ()
    gpu_busy_share: float | None = None

    @property
    def pages_per_second(self) -> float:
        return self.num_pages / self.seconds


class Contender(Protocol):
    """One system, started."""

    @property
    def note(self) -> str:
        """What its start found out, such as the best of several settings."""

    def round(self) -> Round:
        """Reads all documents once."""

    def warm_up(self) -> None:
        """Reads all documents once: on the CPU a first reading makes kernels for the shapes that it meets,
        which takes a tenth of its time."""


class Server(Protocol):
    """A server of ours or of a peer."""

    @property
    def port(self) -> int: ...

    @property
    def log(self) -> Path: ...

    @property
    def process(self) -> subprocess.Popen[bytes]: ...


def _cpu_seconds(pid: int) -> float:
    """Of a process and all below it, since they began."""
    return sum(map(cpu_seconds, (pid, *descendants(pid))))


@dataclass(frozen=True)
class HttpLoad:
    """A server asked over HTTP. `awake` holds while it is asked."""

    server: Server
    posts: Sequence[Post]
    num_pages: int
    in_flight: int
    gpus: Sequence[str] = ()
    awake: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    note: str = ""

    def round(self) -> Round:
        log, pid = self.server.log, self.server.process.pid
        mark, cpu = log.stat().st_size, _cpu_seconds(pid)
        with self.awake(), GpuWatch(self.gpus) as gpu:
            seconds = post_all(self.server.port, self.posts, self.in_flight)
            time.sleep(_LOG_SECONDS)
        spent = _cpu_seconds(pid) - cpu
        return Round(seconds, self.num_pages, spent, tuple(batches(log, mark)), gpu.use.busy_share)

    def warm_up(self) -> None:
        with self.awake():
            post_all(self.server.port, self.posts, self.in_flight)


@dataclass(frozen=True)
class LineLoad:
    """A program of the bench, told which documents to read. `log` says where its batches are logged."""

    process: LineProcess
    documents: Sequence[Document]
    in_flight: int
    log: Callable[[], Path] | None = None
    gpus: Sequence[str] = ()
    note: str = ""

    def round(self) -> Round:
        log = self.log() if self.log else None
        mark, cpu = log.stat().st_size if log else 0, _cpu_seconds(self.process.pid)
        with GpuWatch(self.gpus) as gpu:
            seconds = self._read(self.documents)
            time.sleep(_LOG_SECONDS)
        seen = tuple(batches(log, mark)) if log else ()
        num_pages = sum(document.num_pages for document in self.documents)
        spent = _cpu_seconds(self.process.pid) - cpu
        return Round(seconds, num_pages, spent, seen, gpu.use.busy_share)

    def warm_up(self) -> None:
        self._read(self.documents)

    def _read(self, documents: Sequence[Document]) -> float:
        paths = [str(document.path) for document in documents]
        answer = self.process.ask({"documents": paths, "in_flight": self.in_flight})
        return float(answer["seconds"])


@dataclass(frozen=True)
class CeilingLoad:
    """The networks alone, on the items of `num_pages` pages, `times` over."""

    processes: CeilingProcesses
    items: str
    num_pages: int
    times: int

    @property
    def note(self) -> str:
        return ", ".join(f"{lane} {size}" for lane, size in self.processes.sizes.items())

    def round(self) -> Round:
        cpu = self._cpu_seconds()
        seconds = self.processes.run(self.items, self.times)
        return Round(seconds, self.num_pages * self.times, self._cpu_seconds() - cpu)

    def _cpu_seconds(self) -> float:
        return sum(map(_cpu_seconds, self.processes.pids))

    def warm_up(self) -> None:
        self.processes.run(self.items, 1)
