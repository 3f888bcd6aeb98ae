"""What do a container's processes use: memory, processor time and GPU? Read from /proc and nvidia-smi."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.processes import command_line, descendants

SUPERVISOR, FRONT_END, ENGINE = "supervisor", "front end", "engine"
RENDER_WORKERS, DEVICE_WORKERS = "render workers", "device workers"
HANDLER_WORKERS = "handler workers"

_ROLE_OF_WORD = {
    b"quire.models.device_program": DEVICE_WORKERS,
    b"quire.engine.render_worker": RENDER_WORKERS,
    b"quire.process.engine_program": ENGINE,
    b"quire.process.handler_program": HANDLER_WORKERS,
    b"gunicorn": FRONT_END,
}
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PERIOD_SECONDS = 0.05
_GPU_PERIOD_MILLISECONDS = 200
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Member:
    """One process of a container. `role` is one of the six above."""

    pid: int
    role: str


def members(serve_pid: int) -> list[Member]:
    """The supervisor and all below it."""
    below = [Member(pid, _role(command_line(pid))) for pid in descendants(serve_pid)]
    return [Member(serve_pid, SUPERVISOR), *below]


def _role(command: bytes) -> str:
    words = command.split(b"\0")
    return next((role for word, role in _ROLE_OF_WORD.items() if word in words), SUPERVISOR)


def pids(serve_pid: int, role: str) -> list[int]:
    return [member.pid for member in members(serve_pid) if member.role == role]


def own_memory_bytes(pid: int) -> int:
    """Proportional set size: of memory that n processes share, such as the page arena, each counts one
    nth, so that the sum over all counts it once. 0 for a process that is gone."""
    found = re.search(r"^Pss:\s+(\d+) kB", _read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads; 0 for a process that is gone."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND if fields else 0.0


def resident_bytes(pid: int) -> int:
    return _status(pid, "VmRSS")


def peak_resident_bytes(pid: int) -> int:
    """The kernel's own high-water mark, since the start or the last `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """The mark starts again from what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", _read(f"/proc/{pid}/status"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


class Watch:
    """A thread that samples while its block runs: memory of all processes together, and processor time."""

    def __init__(self, serve_pid: int) -> None:
        self._serve_pid = serve_pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._cpu: list[tuple[float, dict[Member, float]]] = []
        self.peak_bytes = 0
        self.by_role_at_peak: Counter[str] = Counter()

    def __enter__(self) -> Watch:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._sample()

    def _run(self) -> None:
        while not self._stopped.wait(_PERIOD_SECONDS):
            self._sample()

    def _sample(self) -> None:
        """Keeps the fullest moment."""
        found = members(self._serve_pid)
        self._cpu.append((time.perf_counter(), {member: cpu_seconds(member.pid) for member in found}))
        by_role: Counter[str] = Counter()
        for member in found:
            by_role[member.role] += own_memory_bytes(member.pid)
        if by_role.total() > self.peak_bytes:
            self.peak_bytes, self.by_role_at_peak = by_role.total(), by_role

    def busy_cores(self, start: float, end: float) -> dict[str, float]:
        """Processor time by role over the time from `start` to `end`, of time.perf_counter(). That of
        processes that ended meanwhile is not in it."""
        began, before = next(sample for sample in reversed(self._cpu) if sample[0] <= start)
        ended, after = [sample for sample in self._cpu if sample[0] <= end][-1]
        used: defaultdict[str, float] = defaultdict(float)
        for member, seconds in after.items():
            used[member.role] += (seconds - before.get(member, 0.0)) / (ended - began)
        return dict(used)


@dataclass(frozen=True)
class GpuUse:
    """Over all GPUs: memory in use at the fullest moment (other programs' too), and the mean share of time
    in which a kernel ran. None where there is no nvidia-smi."""

    peak_bytes: int | None = None
    busy_share: float | None = None


def gpu_use(report: str, num_gpus: int) -> GpuUse:
    """From lines such as `1234, 87`, MiB and per cent, one for each GPU in turn."""
    rows = [line.split(",") for line in report.splitlines()]
    pairs = [(int(row[0]), int(row[1])) for row in rows if len(row) == 2 and row[1].strip().isdigit()]
    rounds = [pairs[start : start + num_gpus] for start in range(0, len(pairs), num_gpus)]
    if not rounds:
        return GpuUse()
    peak = max(sum(memory for memory, _ in each) for each in rounds)
    return GpuUse(peak * _MEBIBYTE, sum(busy for _, busy in pairs) / len(pairs) / 100)


@dataclass
class GpuWatch:
    """nvidia-smi, asked several times a second while its block runs. `gpus` are its own names for them."""

    gpus: Sequence[str]
    use: GpuUse = field(default_factory=GpuUse)

    def __enter__(self) -> GpuWatch:
        self._report = tempfile.TemporaryFile("w+")
        self._process = self._start() if self.gpus else None
        return self

    def _start(self) -> subprocess.Popen[bytes] | None:
        query = ("--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits")
        period = f"--loop-ms={_GPU_PERIOD_MILLISECONDS}"
        command = ("nvidia-smi", "-i", ",".join(self.gpus), *query, period)
        try:
            return subprocess.Popen(command, stdout=self._report, stderr=subprocess.DEVNULL)
        except OSError:
            return None

    def __exit__(self, *_: object) -> None:
        with self._report:
            if self._process is not None:
                self._process.terminate()
                self._process.wait()
                self._report.seek(0)
                self.use = gpu_use(self._report.read(), len(self.gpus))
