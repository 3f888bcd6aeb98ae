"""How long /ping takes while everything is busy, and while a device worker loads, hangs or is replaced.
`make bench-ping`.

The marks: always 200, p99 under 50 ms, never over 2 s. Each /ping comes on a connection of its own, as the
platform's do.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.container_processes import DEVICE_WORKERS, pids
from bench.long_documents import INVOICE, marked_png
from bench.report import publish
from bench.served import Served, served
from bench.stub_container import stub_base
from quire.models.stub import Marker

MOST_P99_SECONDS = 0.05
MOST_SECONDS = 2.0
POSTS = 100
LOADS = 3
PERIOD_SECONDS = 0.02
PATIENCE_SECONDS = 120.0
_CALLERS = 8
_HANG_SETTINGS = {"QUIRE_DEVICE_STALL_SECONDS": "2", "QUIRE_DEVICE_WORKERS": "1"}
_HANG_OPTIONS = {"batch_seconds": 0.05, "page_seconds": 0.01, "load_seconds": 2.0}


@dataclass
class Pings:
    """A thread that asks while its block runs. A status is None where nobody answered."""

    container: Served
    statuses: list[int | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Pings:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(PERIOD_SECONDS):
            began = time.perf_counter()
            self.statuses.append(self.container.ping())
            self.seconds.append(time.perf_counter() - began)

    @property
    def p99_seconds(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]

    @property
    def is_prompt(self) -> bool:
        """Whether the marks are met."""
        return (
            set(self.statuses) == {200}
            and self.p99_seconds < MOST_P99_SECONDS
            and max(self.seconds) < MOST_SECONDS
        )


def busy(container: Served, num_posts: int = POSTS) -> Pings:
    """While so many invoices, posted at once, are read."""
    body = INVOICE.read_bytes()
    with Pings(container) as pings, ThreadPoolExecutor(num_posts) as pool:
        answers = [pool.submit(container.post, body, "image/jpeg") for _ in range(num_posts)]
        refuse_failures([answer.result() for answer in answers])
    return pings


def loading(container: Served, num_loads: int = LOADS) -> Pings:
    """While a device worker is killed and its successor loads, under a steady load."""
    with Pings(container) as pings, steady_load(container, INVOICE.read_bytes(), "image/jpeg"):
        for _ in range(num_loads):
            mark = container.log.stat().st_size
            os.kill(pids(container.process.pid, DEVICE_WORKERS)[0], signal.SIGKILL)
            await_ready_worker(container, mark)
    return pings


def hanging(container: Served) -> Pings:
    """While a page hangs the stub's only device worker until it is killed for standing still, and its
    successor too, under a steady load. The page is given up in the end."""
    plain = marked_png((255, 255, 255))
    with Pings(container) as pings, steady_load(container, plain, "image/png"):
        status, answer = container.post(marked_png(Marker.HANG), "image/png")
    if status != 500:
        raise RuntimeError(f"the page that hangs was answered {status} {answer[:300]!r}")
    return pings


@contextlib.contextmanager
def steady_load(container: Served, body: bytes, media_type: str) -> Iterator[None]:
    """Several callers that post and wait, over and over."""
    stopped = threading.Event()

    def call() -> None:
        while not stopped.is_set():
            refuse_failures([container.post(body, media_type)])

    with ThreadPoolExecutor(_CALLERS) as pool:
        callers = [pool.submit(call) for _ in range(_CALLERS)]
        try:
            yield
        finally:
            stopped.set()
        for caller in callers:
            caller.result()


def refuse_failures(answers: list[tuple[int, bytes]]) -> None:
    for status, answer in answers:
        if status != 200:
            raise RuntimeError(f"{status} {answer[:300]!r}")


def await_ready_worker(container: Served, mark: int) -> None:
    """Until a device worker has said, after byte `mark` of the log, that it is ready."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while b"device worker ready" not in container.log.read_bytes()[mark:]:
        if time.monotonic() > deadline:
            raise RuntimeError("the device worker was not replaced")
        time.sleep(0.05)


@contextlib.contextmanager
def hangable() -> Iterator[Served]:
    """A container of the stub, healthy, that soon gives up a device worker which stands still."""
    with (
        stub_base(**_HANG_OPTIONS) as base,
        served(SAGEMAKER_BASE_DIR=str(base), **_HANG_SETTINGS) as container,
    ):
        container.await_healthy()
        yield container


def row(situation: str, pings: Pings) -> str:
    milliseconds = [1000 * value for value in (statistics.median(pings.seconds), pings.p99_seconds)]
    others = len(pings.statuses) - pings.statuses.count(200)
    return (
        f"| {situation} | {len(pings.seconds)} | {others} | {milliseconds[0]:.1f} | {milliseconds[1]:.1f} "
        f"| {1000 * max(pings.seconds):.0f} | {'yes' if pings.is_prompt else 'NO'} |"
    )


def table(found: dict[str, Pings]) -> str:
    head = "| meanwhile | asked | not 200 | median, ms | p99, ms | longest, ms | marks met |"
    return "\n".join([head, "|---" * 7 + "|", *(row(name, pings) for name, pings in found.items())])


def figures(pings: Pings) -> dict[str, object]:
    cuts = [round(1000 * value, 2) for value in statistics.quantiles(pings.seconds, n=100)]
    return {
        "statuses": {str(status): pings.statuses.count(status) for status in set(pings.statuses)},
        "percentiles_milliseconds": cuts,
        "longest_milliseconds": round(1000 * max(pings.seconds), 2),
    }


def run(num_posts: int, num_loads: int) -> dict[str, Pings]:
    found: dict[str, Pings] = {}
    with served() as container:
        container.await_healthy()
        found[f"{num_posts} invoices, posted at once, are read"] = busy(container, num_posts)
        found[f"a killed device worker loads anew, {num_loads} times"] = loading(container, num_loads)
    with hangable() as container:
        found["a page hangs the stub's device worker until it is replaced, twice or more"] = hanging(
            container
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--loads", type=int, default=LOADS)
    given = parser.parse_args()
    found = run(given.posts, given.loads)
    text = f"{table(found)}\n\nThe marks: always 200, p99 under 50 ms, never over 2 s."
    shown: dict[str, object] = {name: figures(pings) for name, pings in found.items()}
    publish("ping", "/ping under load (`make bench-ping`)", text, shown)


if __name__ == "__main__":
    main()
