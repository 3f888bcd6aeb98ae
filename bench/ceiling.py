"""What does the machine give at most? The networks alone on canvases that lie ready, at their best batch
sizes, in one process of all threads or in one a core."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.line_process import LineProcess

CPU_SIZES = {"detection": (1, 2, 4), "recognition": (1, 2, 4, 8, 16, 32, 64)}
CUDA_SIZES = {"detection": (1, 2, 4, 8, 16, 32), "recognition": (16, 32, 64, 128, 256, 512, 1024)}
"""In canvases of 700,000 pixels and in lines of 48 x 320."""

Start = Callable[[str, Mapping[str, str]], LineProcess]
"""Starts the program of this name with these settings beside the bench's own."""


@dataclass(frozen=True)
class SweepPoint:
    """Millions of pixels of canvas a second at one batch size."""

    processes: int
    lane: str
    size: int
    megapixels_per_second: float


class CeilingProcesses:
    """Processes that share the batches: `count` of `threads` each; 0 threads is torch's own choice."""

    def __init__(self, start: Start, count: int, threads: int) -> None:
        settings = {"QUIRE_DEVICE_THREADS": str(threads), **_openmp(threads)}
        self._processes = [start("bench.ceiling_worker", settings) for _ in range(count)]
        self.sizes: dict[str, int] = {}
        self.points: list[SweepPoint] = []

    @property
    def count(self) -> int:
        return len(self._processes)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def sweep(self, items: str, sizes: Mapping[str, Sequence[int]], seconds: float) -> None:
        """Measures each size and keeps the fastest of each lane."""
        for lane, candidates in sizes.items():
            speeds = {size: self._speed(items, lane, size, seconds) for size in candidates}
            self.sizes[lane] = max(speeds, key=lambda size: speeds[size])
            self.points += [SweepPoint(self.count, lane, size, speed) for size, speed in speeds.items()]

    def run(self, items: str, times: int) -> float:
        """Seconds that all batches take, `times` over."""
        self._ask_all({"items": items, "sizes": self.sizes, "times": 0})  # the tensors are brought first
        began = time.perf_counter()
        self._ask_all({"items": items, "sizes": self.sizes, "times": times})
        return time.perf_counter() - began

    def _speed(self, items: str, lane: str, size: int, seconds: float) -> float:
        answers = self._ask_all({"items": items, "sizes": {lane: size}, "seconds": seconds})
        return sum(float(answer["pixels_per_second"]) for answer in answers) / 1e6

    def _ask_all(self, command: dict[str, Any]) -> list[Any]:
        for process in self._processes:
            process.await_ready()
        for index, process in enumerate(self._processes):
            process.tell({**command, "part": index, "parts": self.count})
        return [process.hear() for process in self._processes]


def _openmp(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads)} if threads else {}


def sweep_table(points: Sequence[SweepPoint]) -> str:
    """A column for each batch size, the best of each row bold; empty where nothing was swept."""
    if not points:
        return ""
    sizes = sorted({point.size for point in points})
    lines = [
        "Sweep of the raw model: millions of pixels of canvas a second by batch size, in canvases of 700,000 "
        "pixels and lines of 48 x 320.\n",
        "| lane | processes | " + " | ".join(map(str, sizes)) + " |",
        "|---" * (2 + len(sizes)) + "|",
    ]
    for lane, processes in dict.fromkeys((point.lane, point.processes) for point in points):
        speeds = {
            point.size: point.megapixels_per_second
            for point in points
            if (point.lane, point.processes) == (lane, processes)
        }
        cells = " | ".join(_cell(speeds, size) for size in sizes)
        lines.append(f"| {lane} | {processes} | {cells} |")
    return "\n".join(lines)


def _cell(speeds: Mapping[int, float], size: int) -> str:
    if size not in speeds:
        return ""
    return f"**{speeds[size]:.1f}**" if speeds[size] == max(speeds.values()) else f"{speeds[size]:.1f}"
