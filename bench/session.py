"""What do the rows share? Files, settings and the programs that several of them ask."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from bench.ceiling import CPU_SIZES, CUDA_SIZES, CeilingProcesses, SweepPoint
from bench.documents import Document, write_long_document
from bench.line_process import LineProcess
from bench.served import ROOT, Served, low_port, served
from quire.models.cpu_process import prepare_cpu_process
from quire.process.gpus import cuda_devices

Made = TypeVar("Made")

DOCUMENTS, LONG = "documents", "long"
"""What the rows read: the documents of a round, or the one long document."""

CUDA_REPEATS, CUDA_SLOW_REPEATS = 20, 4
"""On CUDA a round reads the documents so many times over, or it would be too short to be timed."""

LONG_PAGES, QUICK_LONG_PAGES = 40, 4
SWEEP_SECONDS, QUICK_SWEEP_SECONDS = 2.0, 0.2
_QUICK_SIZES = {"detection": (1,), "recognition": (4, 16)}


@dataclass(frozen=True)
class Plan:
    """What was asked for. `documents` are those of a round."""

    documents: tuple[Document, ...]
    precision: str
    is_quick: bool


@dataclass(frozen=True)
class Collected:
    """The items that the model makes of some documents, in the file `path`. `limits` as in `occupancy`."""

    path: str
    num_pages: int
    limits: dict[str, int]


class Session:
    """`stack` ends what was started; `folder` takes the files."""

    def __init__(self, plan: Plan, folder: Path, stack: ExitStack) -> None:
        self.plan = plan
        self.folder = folder
        self.stack = stack
        self.cores = len(os.sched_getaffinity(0))
        self.gpus = cuda_devices(os.environ.get("QUIRE_DEVICE", "auto"), os.environ)
        self.settings = {"QUIRE_PRECISION": plan.precision}
        self._numbers = itertools.count(1)
        self._made: dict[str, Any] = {}
        self._ceilings: list[CeilingProcesses] = []

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives, made at its first need. Where that fails it is tried again."""
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made

    def engine_log(self) -> Path:
        """Of the engine without HTTP, in the scratch folder that it was given."""
        return next((self.folder / "engine").glob("quire-*/engine.log"))

    @property
    def on_cuda(self) -> bool:
        return bool(self.gpus)

    def start(self, module: str, settings: Mapping[str, str]) -> LineProcess:
        """A program of the bench, set up as a device worker is."""
        environ = {**self.settings, **settings, **_program_path()}
        prepare_cpu_process(environ)
        log = self.folder / f"{module}-{next(self._numbers)}.log"
        process = LineProcess(module, (), environ, log)
        self.stack.callback(process.close)
        return process

    def peer_environ(self) -> dict[str, str]:
        """Of a peer's worker: one thread on the CPU, where there is a worker for each core."""
        environ = {**self.settings, **_program_path()}
        if not self.on_cuda:
            environ.update(OMP_NUM_THREADS="1", QUIRE_DEVICE_THREADS="1")
        prepare_cpu_process(environ)
        return environ

    @property
    def peer_workers(self) -> int:
        """A worker a core on the CPU; on CUDA one, since each holds the model anew."""
        return 1 if self.on_cuda else self.cores

    @property
    def peer_threads(self) -> str:
        return "on CUDA" if self.on_cuda else "one torch thread each"

    @property
    def most_in_flight(self) -> int:
        return 64 if self.on_cuda else 16

    def documents(self, slow: bool = False) -> Sequence[Document]:
        """What a row reads in a round; fewer for one that is `slow`."""
        times = (CUDA_SLOW_REPEATS if slow else CUDA_REPEATS) if self.on_cuda else 1
        return self.plan.documents * times

    def start_engine(self, in_flight: int) -> LineProcess:
        """Without HTTP; `engine_log` is its log."""
        scratch = self.folder / "engine"
        scratch.mkdir()
        concurrency = {"QUIRE_MAX_CONCURRENT_INVOCATIONS": str(in_flight)}
        process = self.start("bench.engine_reader", {"QUIRE_SCRATCH_DIR": str(scratch), **concurrency})
        process.await_ready()
        return process

    @cached_property
    def container(self) -> Served:
        """One container for all rows over HTTP."""
        concurrency = {"QUIRE_MAX_CONCURRENT_INVOCATIONS": str(self.most_in_flight)}
        container = self.stack.enter_context(served(**self.settings, **concurrency))
        container.await_healthy()
        return container

    def start_on_mms(self) -> Served:
        """A container whose front end is multi-model-server."""
        mms = {"QUIRE_MODEL_SERVER": "mms", "SAGEMAKER_BIND_TO_PORT": str(low_port())}
        concurrency = {"QUIRE_MAX_CONCURRENT_INVOCATIONS": str(self.most_in_flight)}
        container = self.stack.enter_context(served(**self.settings, **concurrency, **mms))
        container.await_healthy()
        return container

    @cached_property
    def long_document(self) -> Document:
        return write_long_document(self.folder / "long.pdf", self.plan.documents, self.num_long_pages)

    @property
    def num_long_pages(self) -> int:
        return QUICK_LONG_PAGES if self.plan.is_quick else LONG_PAGES

    def collected(self, read: str) -> Collected:
        """The items of the DOCUMENTS or of the LONG one."""
        documents = (self.long_document,) if read == LONG else self.plan.documents
        return self.once(f"{read} collected", lambda: self._collect(read, documents))

    def limits(self, read: Collection[str]) -> dict[str, int]:
        """Of the batches that these documents make."""
        return {batch: most for name in read for batch, most in self.collected(name).limits.items()}

    @property
    def sweep_points(self) -> list[SweepPoint]:
        """Of all ceilings that were measured."""
        return [point for each in self._ceilings for point in each.points]

    @cached_property
    def device_and_precision(self) -> tuple[str, str]:
        ready = self._collector.await_ready()
        return ready["device"], ready["precision"]

    @cached_property
    def _collector(self) -> LineProcess:
        return self.start("bench.ceiling_items", {})

    def _collect(self, name: str, documents: Sequence[Document]) -> Collected:
        self._collector.await_ready()
        path = str(self.folder / f"{name}.items")
        answer = self._collector.ask({"documents": [str(each.path) for each in documents], "into": path})
        return Collected(path, answer["pages"], answer["limits"])

    @cached_property
    def one_process(self) -> CeilingProcesses:
        """The raw ceiling of one process with all threads, its batch sizes chosen."""
        return self._swept(CeilingProcesses(self.start, 1, 0 if self.on_cuda else self.cores))

    @cached_property
    def process_a_core(self) -> CeilingProcesses:
        return self._swept(CeilingProcesses(self.start, self.cores, 1))

    def _swept(self, processes: CeilingProcesses) -> CeilingProcesses:
        sizes: Mapping[str, Sequence[int]] = CUDA_SIZES if self.on_cuda else CPU_SIZES
        sizes, seconds = (_QUICK_SIZES, QUICK_SWEEP_SECONDS) if self.plan.is_quick else (sizes, SWEEP_SECONDS)
        processes.sweep(self.collected(DOCUMENTS).path, sizes, seconds)
        self._ceilings.append(processes)
        return processes


def _program_path() -> dict[str, str]:
    """Where a program of the bench finds both the bench and what it measures."""
    places = (str(ROOT), str(ROOT / "code"), os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}
