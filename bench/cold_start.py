"""Seconds from `serve` to /ping 200 and to the first page read, with a cold file cache.

Dropping the file cache needs root on Linux; without it the run says that the cache was warm.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.report import publish
from bench.served import ROOT, served

SAMPLE = ROOT / "tests" / "data" / "invoice.jpg"
ROUNDS = 3


@dataclass(frozen=True)
class Start:
    healthy_seconds: float
    first_page_seconds: float


def drop_file_cache() -> bool:
    """Whether the kernel let us."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def measure() -> Start:
    body = SAMPLE.read_bytes()
    began = time.perf_counter()
    with served() as container:
        container.await_healthy()
        healthy = time.perf_counter() - began
        status, answer = container.post(body, "image/jpeg")
        if status != 200:
            raise RuntimeError(f"{status} {answer[:300]!r}")
        return Start(healthy, time.perf_counter() - began)


def main() -> None:
    cache = "cold" if drop_file_cache() else "warm"
    starts = []
    for _ in range(ROUNDS):
        drop_file_cache()
        start = measure()
        starts.append(start)
        print(f"/ping 200 after {start.healthy_seconds:.1f} s, page after {start.first_page_seconds:.1f} s")
    healthy = statistics.median(start.healthy_seconds for start in starts)
    first = statistics.median(start.first_page_seconds for start in starts)
    text = (
        f"From `serve`, {cache} file cache, median of {ROUNDS}: "
        f"/ping 200 after {healthy:.1f} s, first page read after {first:.1f} s."
    )
    figures = [asdict(start) for start in starts]
    publish("cold_start", "Cold start (`make bench-cold-start`)", text, figures)


if __name__ == "__main__":
    main()
