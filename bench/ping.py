"""How long /ping takes while a hundred invoices, posted at once, are read four at a time."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from bench.report import publish
from bench.served import ROOT, Served, served

INVOICE = ROOT / "tests" / "data" / "invoice.jpg"
POSTS = 100
PERIOD_SECONDS = 0.02


def ping_until(container: Served, stopped: threading.Event, seconds: list[float]) -> None:
    while not stopped.wait(PERIOD_SECONDS):
        began = time.perf_counter()
        status = container.ping()
        seconds.append(time.perf_counter() - began)
        if status != 200:
            raise RuntimeError(f"/ping answered {status}")


def main() -> None:
    body = INVOICE.read_bytes()
    seconds: list[float] = []
    stopped = threading.Event()
    with served() as container:
        container.await_healthy()
        with ThreadPoolExecutor(POSTS + 1) as pool:
            pinging = pool.submit(ping_until, container, stopped, seconds)
            statuses = [pool.submit(container.post, body, "image/jpeg") for _ in range(POSTS)]
            answered = [status.result()[0] for status in statuses]
            stopped.set()
            pinging.result()
    percentiles = statistics.quantiles(seconds, n=100)
    text = (
        f"{POSTS} posts at once, concurrency 4: {answered.count(200)} answered 200. "
        f"/ping, asked {len(seconds)} times meanwhile: median {percentiles[49] * 1000:.1f} ms, "
        f"p99 {percentiles[98] * 1000:.1f} ms, longest {max(seconds) * 1000:.1f} ms."
    )
    figures = {"milliseconds": [round(value * 1000, 2) for value in sorted(seconds)]}
    publish("ping", "/ping under load (`make bench-ping`)", text, figures)


if __name__ == "__main__":
    main()
