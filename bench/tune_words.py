"""What is said of a tuning: tables, and what to do in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from bench.knee import Layout, Point, gains, knee
from bench.tune_findings import Findings, Recommendation, ShareTried, least_share, recommend

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


def share_table(shares: Sequence[ShareTried]) -> str:
    head = (
        "| QUIRE_BATCH_SHARE | in flight | pages/s | p50, s | p95, s | host memory, GiB | GPU memory, GiB "
        "| largest batches |"
    )
    return "\n".join([head, "|---" * 8 + "|", *map(_share_row, shares)])


def _share_row(tried: ShareTried) -> str:
    point = tried.point
    largest = ", ".join(f"{lane} {num_items}" for lane, num_items in tried.largest_batches.items())
    return (
        f"| {tried.share:g} | {point.in_flight} | {point.pages_a_second:.2f} | {point.p50_seconds:.2f} "
        f"| {point.p95_seconds:.2f} | {_gibibytes(point.host_bytes)} | {_gibibytes(point.gpu_bytes)} "
        f"| {largest} |"
    )


def advice(findings: Findings) -> str:
    """What to set, what it takes, what bounds it."""
    chosen, points = recommend(findings), findings.points
    sentences = [
        _enough(points),
        f"Set MaxConcurrentInvocationsPerInstance of the endpoint configuration to {chosen.in_flight}, and "
        f"QUIRE_MAX_CONCURRENT_INVOCATIONS of the container to {chosen.in_flight} as well.",
    ]
    if chosen.layout is not None:
        sentences.append(
            f"Set QUIRE_DEVICE_WORKERS to {chosen.layout.workers} and QUIRE_DEVICE_THREADS to "
            f"{chosen.layout.threads}."
        )
    if findings.shares:
        sentences.append(_share(findings.shares))
    sentences += [_memory(chosen), f"What bounds it: {chosen.bound.value}."]
    if gains(points):
        sentences.append("It still gained at the end of the sweep: try again with a higher --most.")
    return "\n".join([*sentences, "", "The container's environment:", "", _environment(chosen)])


def _enough(points: Sequence[Point]) -> str:
    chosen, best = knee(points), max(points, key=lambda point: point.pages_a_second)
    return (
        f"{chosen.in_flight} documents in flight are enough: {chosen.pages_a_second:.2f} pages/s, within 5 % "
        f"of the best ({best.pages_a_second:.2f} with {best.in_flight})."
    )


def _share(shares: Sequence[ShareTried]) -> str:
    chosen, best = least_share(shares), max(shares, key=lambda each: each.point.pages_a_second)
    return (
        f"Set QUIRE_BATCH_SHARE to {chosen.share:g}, the smallest share of the built-in batch ceilings "
        f"that is enough: {chosen.point.pages_a_second:.2f} pages/s, within 5 % of the best "
        f"({best.point.pages_a_second:.2f} with {best.share:g})."
    )


def _memory(chosen: Recommendation) -> str:
    gpu = "" if chosen.gpu_bytes is None else f", and the GPU's {_gibibytes(chosen.gpu_bytes)} GiB"
    return f"All processes then take up to {_gibibytes(chosen.host_bytes)} GiB of the host's memory{gpu}."


def _environment(chosen: Recommendation) -> str:
    return "    " + " ".join(f"{name}={value}" for name, value in chosen.variables.items())
