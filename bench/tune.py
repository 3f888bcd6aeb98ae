"""How many documents in flight, in batches of what size, suit this machine? `quire tune`, or
`python -m bench.tune`.

Starts the container here, keeps 1, 2, 4, ... documents in flight over HTTP until more no longer help, and
says what to put in the endpoint configuration and the container, what memory that takes, and what bounds
it. On the CPU it first tries how the cores are best shared out among device workers; in the end it tries
smaller and larger batch ceilings with as many documents in flight as were enough.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.batch_log import BatchLine, batches
from bench.closed_loop import DocumentFailed, keep_in_flight
from bench.container_processes import (
    DEVICE_WORKERS,
    FRONT_END,
    RENDER_WORKERS,
    GpuWatch,
    Watch,
    pids,
)
from bench.knee import Layout, Point, Shares, cpu_layouts, gains, knee
from bench.report import RESULTS, publish
from bench.served import Served, served
from bench.tune_findings import SHARES, Findings, ShareTried, fastest_layout, layout_variables, recommend
from bench.tune_words import advice, layout_table, point_table, share_table
from quire.process.gpus import cuda_devices
from quire.process.run_samples import NAMES, SAMPLES

FIRST_IN_FLIGHT = 4
_SUFFIXES = {".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
_THREADS_BESIDE = 16
_LAYOUT_VARIABLES = ("QUIRE_DEVICE_WORKERS", "QUIRE_DEVICE_THREADS")
_SHARE_VARIABLE = "QUIRE_BATCH_SHARE"


@dataclass(frozen=True)
class Tuning:
    """What is tuned with. `seconds` is the time of each point, `most` the most documents in flight."""

    files: tuple[Path, ...]
    seconds: float
    most: int


def documents(given: Sequence[Path]) -> tuple[Path, ...]:
    """The files, those of directories by their names' endings. Raises FileNotFoundError for none."""
    found: list[Path] = []
    for path in given:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [each for each in inside if each.suffix.lower() in _SUFFIXES and each.is_file()]
    if not found:
        raise FileNotFoundError(f"no documents in {', '.join(map(str, given))}")
    return tuple(found)


@contextlib.contextmanager
def container(most: int, **settings: str) -> Iterator[Served]:
    """Healthy, and with room for so many documents. The environment's settings stand: its model too."""
    room = {
        "QUIRE_MAX_CONCURRENT_INVOCATIONS": str(most),
        "QUIRE_MAX_THREADS": str(most + _THREADS_BESIDE),
    }
    model = {name: os.environ[name] for name in ("SAGEMAKER_BASE_DIR",) if name in os.environ}
    with served(**room, **model, **settings) as started:
        started.await_healthy()
        yield started


def measure(started: Served, tuning: Tuning, in_flight: int, gpus: Sequence[str]) -> Point:
    """One point of the sweep. Raises DocumentFailed."""
    mark = started.log.stat().st_size
    with GpuWatch(gpus) as gpu, Watch(started.process.pid) as watch:
        load = keep_in_flight(started, tuning.files, in_flight, tuning.seconds)
    busy = watch.busy_cores(load.start, load.end)
    on_device = sum(batch.milliseconds for batch in batches(started.log, mark)) / 1000 / load.longest_seconds
    return Point(
        in_flight=in_flight,
        pages_a_second=load.pages_a_second,
        p50_seconds=load.latency_seconds(50),
        p95_seconds=load.latency_seconds(95),
        host_bytes=watch.peak_bytes,
        gpu_bytes=gpu.use.peak_bytes,
        shares=shares_of(busy, started, on_device, gpu.use.busy_share),
    )


def shares_of(
    busy: Mapping[str, float], started: Served, on_device: float, gpu_share: float | None
) -> Shares:
    """From the cores that each role kept busy, and the device workers that had a batch on their device, on
    average; `gpu_share` is None where nvidia-smi tells nothing."""
    cores = len(os.sched_getaffinity(0))
    serve = started.process.pid
    num_devices, num_renderers = (max(1, len(pids(serve, role))) for role in (DEVICE_WORKERS, RENDER_WORKERS))
    device = busy.get(DEVICE_WORKERS, 0.0)
    return Shares(
        device=min(1.0, on_device / num_devices) if gpu_share is None else gpu_share,
        model_cores=device / cores,
        device_host=device / num_devices,
        rendering=busy.get(RENDER_WORKERS, 0.0) / num_renderers,
        front_end=busy.get(FRONT_END, 0.0),
        host=sum(busy.values()) / cores,
    )


def try_layouts(tuning: Tuning) -> list[Layout]:
    """Each way to share the cores out among device workers, with a few documents in flight."""
    found = []
    for workers, threads in cpu_layouts(len(os.sched_getaffinity(0))):
        in_flight = max(FIRST_IN_FLIGHT, 2 * workers)
        settings = {"QUIRE_DEVICE_WORKERS": str(workers), "QUIRE_DEVICE_THREADS": str(threads)}
        with container(in_flight, **settings) as started:
            measure(started, tuning, in_flight, ())  # what a first batch loads is not the layout's doing
            point = measure(started, tuning, in_flight, ())
        found.append(Layout(workers, threads, in_flight, point.pages_a_second))
        print(
            f"{workers} device workers of {threads} threads: {point.pages_a_second:.2f} pages/s", flush=True
        )
    return found


def sweep(tuning: Tuning, gpus: Sequence[str], **settings: str) -> list[Point]:
    """Twice as many documents in flight each time, until that no longer helps."""
    points: list[Point] = []
    in_flight = 1
    with container(tuning.most, **settings) as started:
        measure(started, tuning, min(FIRST_IN_FLIGHT, tuning.most), gpus)
        while in_flight <= tuning.most and gains(points):
            points.append(measure(started, tuning, in_flight, gpus))
            print(f"{in_flight} in flight: {points[-1].pages_a_second:.2f} pages/s", flush=True)
            in_flight *= 2
    return points


def try_shares(tuning: Tuning, gpus: Sequence[str], in_flight: int, **settings: str) -> list[ShareTried]:
    """Each share of the built-in batch ceilings, with so many documents in flight."""
    found = []
    for share in SHARES:
        with container(in_flight, **settings, **{_SHARE_VARIABLE: f"{share:g}"}) as started:
            measure(started, tuning, in_flight, gpus)
            mark = started.log.stat().st_size
            point = measure(started, tuning, in_flight, gpus)
            found.append(ShareTried(share, point, largest_batches(batches(started.log, mark))))
        print(f"{share:g} of the batch ceilings: {point.pages_a_second:.2f} pages/s", flush=True)
    return found


def largest_batches(seen: Sequence[BatchLine]) -> dict[str, int]:
    """By lane."""
    largest: dict[str, int] = {}
    for batch in seen:
        largest[batch.lane] = max(batch.num_items, largest.get(batch.lane, 0))
    return dict(sorted(largest.items()))


def tune(tuning: Tuning) -> Findings:
    """Tries the layouts, but on CUDA; the documents in flight with the best of them; the batch ceilings with
    both. What the environment has chosen is not tried."""
    gpus = cuda_devices(os.environ.get("QUIRE_DEVICE", "auto"), os.environ)
    is_laid_out = bool(gpus) or any(name in os.environ for name in _LAYOUT_VARIABLES)
    layouts = [] if is_laid_out else try_layouts(tuning)
    fastest = fastest_layout(layouts)
    chosen = layout_variables(fastest) if fastest else {}
    points = sweep(tuning, gpus, **chosen)
    has_share = _SHARE_VARIABLE in os.environ
    shares = [] if has_share else try_shares(tuning, gpus, knee(points).in_flight, **chosen)
    return Findings(tuple(layouts), tuple(points), tuple(shares))


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quire tune", description=__doc__)
    samples = [SAMPLES / name for name in NAMES]
    parser.add_argument(
        "--documents", nargs="+", type=Path, default=samples, help="files and directories; or the samples"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each point (%(default)s)")
    parser.add_argument("--most", type=int, default=64, help="documents in flight (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a second a point, at most four in flight")
    parser.add_argument("--out", type=Path, default=RESULTS, help="directory for the tables (%(default)s)")
    return parser.parse_args(argv)


def publish_findings(findings: Findings, tuning: Tuning, out: Path) -> None:
    """Prints them and writes tune.md and tune.json."""
    tables = [layout_table(findings.layouts)] if len(findings.layouts) > 1 else []
    tables.append(point_table(findings.points))
    tables += [share_table(findings.shares)] if findings.shares else []
    about = f"{len(tuning.files)} documents, over and over, {tuning.seconds:g} s a point."
    chosen = recommend(findings)
    recommended = {**asdict(chosen), "bound": chosen.bound.value, "variables": chosen.variables}
    figures = {**asdict(findings), "recommended": recommended}
    text = "\n\n".join([about, *tables, advice(findings)])
    publish(
        "tune", "Documents in flight and batch ceilings on this machine (`quire tune`)", text, figures, out
    )


def main(argv: Sequence[str] | None = None) -> int:
    given = arguments(argv)
    seconds, most = (1.0, 4) if given.quick else (given.seconds, given.most)
    try:
        tuning = Tuning(documents(given.documents), seconds, most)
        findings = tune(tuning)
    except (DocumentFailed, FileNotFoundError, RuntimeError) as error:
        print(f"quire tune: {error}", file=sys.stderr)
        return 1
    publish_findings(findings, tuning, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
