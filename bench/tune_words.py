"""What is said of a tuning: tables, and what to do in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from bench.knee import Layout, Point, bound, gains, knee

_GIBIBYTE = 1024**3


def layout_table(layouts: Sequence[Layout]) -> str:
    rows = [
        "| QUIRE_DEVICE_WORKERS | QUIRE_DEVICE_THREADS | in flight | pages/s |",
        "|---" * 4 + "|",
        *(
            f"| {each.workers} | {each.threads} | {each.in_flight} | {each.pages_a_second:.2f} |"
            for each in layouts
        ),
    ]
    return "\n".join(rows)


def point_table(points: Sequence[Point]) -> str:
    head = (
        "| in flight | pages/s | p50, s | p95, s | host memory, GiB | GPU memory, GiB | device busy "
        "| rendering busy | front end busy | all cores busy |"
    )
    return "\n".join([head, "|---" * 10 + "|", *map(_row, points)])


def _row(point: Point) -> str:
    shares = point.shares
    busy = (shares.device, shares.rendering, shares.front_end, shares.host)
    return (
        f"| {point.in_flight} | {point.pages_a_second:.2f} | {point.p50_seconds:.2f} "
        f"| {point.p95_seconds:.2f} | {_gibibytes(point.host_bytes)} | {_gibibytes(point.gpu_bytes)} | "
        + " | ".join(f"{share:.0%}" for share in busy)
        + " |"
    )


def _gibibytes(num_bytes: int | None) -> str:
    return "" if num_bytes is None else f"{num_bytes / _GIBIBYTE:.2f}"


def advice(points: Sequence[Point], layouts: Sequence[Layout]) -> str:
    """What to set, what it takes, what bounds it."""
    chosen, best = knee(points), max(points, key=lambda point: point.pages_a_second)
    sentences = [
        f"{chosen.in_flight} documents in flight are enough: {chosen.pages_a_second:.2f} pages/s, within 5 % "
        f"of the best ({best.pages_a_second:.2f} with {best.in_flight}).",
        f"Set MaxConcurrentInvocationsPerInstance of the endpoint configuration to {chosen.in_flight}, and "
        f"QUIRE_MAX_CONCURRENT_INVOCATIONS of the container to {chosen.in_flight} as well.",
        _memory(chosen),
        f"What bounds it: {bound(chosen.shares).value}.",
    ]
    if gains(points):
        sentences.append("It still gained at the end of the sweep: try again with a higher --most.")
    if len(layouts) > 1:
        fastest = max(layouts, key=lambda each: each.pages_a_second)
        sentences.insert(
            2,
            f"Set QUIRE_DEVICE_WORKERS to {fastest.workers} and QUIRE_DEVICE_THREADS to {fastest.threads}.",
        )
    return "\n".join(sentences)


def _memory(point: Point) -> str:
    gpu = "" if point.gpu_bytes is None else f", and the GPU's {_gibibytes(point.gpu_bytes)} GiB"
    return f"All processes then take up to {_gibibytes(point.host_bytes)} GiB of the host's memory{gpu}."
