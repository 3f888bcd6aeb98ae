"""Seconds from starting a container of the image to /ping 200 and to the first page, with a cold file cache.

The container has no network and a root that cannot be written to, and serves the default model on the CPU.
Needs docker or podman and the image: `make image`. Dropping the file cache needs root on Linux; without it
the run says that the cache was warm.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import asdict

from bench.cold_start import ROUNDS, SAMPLE, Start, drop_file_cache
from bench.report import publish
from tests.image.running_image import engine, running


def measure(image: str) -> Start:
    body = SAMPLE.read_bytes()
    began = time.perf_counter()
    with running(image, QUIRE_DEVICE="cpu") as container:
        container.await_healthy()
        healthy = time.perf_counter() - began
        answer = container.post(body, "image/jpeg")
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
        return Start(healthy, time.perf_counter() - began)


def num_bytes(image: str) -> int:
    return int(engine("image", "inspect", "--format", "{{.Size}}", image).stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    image = parser.parse_args().image
    cache = "cold" if drop_file_cache() else "warm"
    starts = []
    for _ in range(ROUNDS):
        drop_file_cache()
        starts.append(measure(image))
        print(
            f"/ping 200 after {starts[-1].healthy_seconds:.1f} s, page {starts[-1].first_page_seconds:.1f} s"
        )
    healthy = statistics.median(start.healthy_seconds for start in starts)
    first = statistics.median(start.first_page_seconds for start in starts)
    text = (
        f"From `docker run` of the image ({num_bytes(image) / 1e9:.1f} GB, on the CPU), {cache} file cache, "
        f"median of {ROUNDS}: /ping 200 after {healthy:.1f} s, first page read after {first:.1f} s."
    )
    title = "Cold start of the image (`make bench-image-cold-start`)"
    publish("image_cold_start", title, text, [asdict(start) for start in starts])


if __name__ == "__main__":
    main()
