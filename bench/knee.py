"""What do the figures of a sweep mean: how many documents in flight are enough, and what bounds them?"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

NEAR_BEST = 0.95
"""Of the best throughput: what the knee must reach. More in flight only wait longer."""

FULL = 0.85
"""A share of time above which something is taken to be the bound; none is ever quite at 1."""


class Bound(enum.Enum):
    """What is full, in words that say what would help."""

    DEVICE = "the device: only a faster one, or more of them, would help"
    CPU_MODEL = "the processor, and mostly the model on it: only more or faster cores, or a GPU, would help"
    HOST = "the host's processor, beside the model: an instance with more cores for the device would help"
    RENDERING = "rendering: raise QUIRE_RENDER_WORKERS where cores are free, or ask for fewer dpi"
    DEVICE_HOST = "the device worker's own process, which prepares batches and decodes results"
    FRONT_END = "the front end, which takes bodies in and writes answers"
    NOTHING = "nothing that is full all the time: more documents in flight, or longer ones, may read faster"


@dataclass(frozen=True)
class Shares:
    """How busy each part was, 0 to 1. `device`: the time in which a batch, on CUDA a kernel, ran on it.
    `device_host`: processor time of a device worker over the time that passed, `rendering` and `front_end`
    likewise. `host`: of all cores; `model_cores`: the device workers' part of them."""

    device: float
    device_host: float
    model_cores: float
    rendering: float
    front_end: float
    host: float


@dataclass(frozen=True)
class Point:
    """What was measured with so many documents in flight. `gpu_bytes` is None without a GPU."""

    in_flight: int
    pages_a_second: float
    p50_seconds: float
    p95_seconds: float
    host_bytes: int
    gpu_bytes: int | None
    shares: Shares


@dataclass(frozen=True)
class Layout:
    """How the cores of a CPU were shared out, and what that reached."""

    workers: int
    threads: int
    in_flight: int
    pages_a_second: float


def knee(points: Sequence[Point]) -> Point:
    """The fewest documents in flight whose throughput is within 5 % of the best."""
    best = max(point.pages_a_second for point in points)
    enough = [point for point in points if point.pages_a_second >= NEAR_BEST * best]
    return min(enough, key=lambda point: point.in_flight)


def gains(points: Sequence[Point]) -> bool:
    """Whether twice as many in flight are worth a try: one of the last two points was more than 5 % better
    than all before it."""
    if len(points) < 3:
        return True
    before = max(point.pages_a_second for point in points[:-2])
    return NEAR_BEST * max(point.pages_a_second for point in points[-2:]) > before


def bound(shares: Shares) -> Bound:
    """What is full. Where the cores are, most of them busy with the model, no other part is to blame."""
    if shares.host >= FULL and shares.model_cores >= shares.host / 2:
        return Bound.CPU_MODEL
    parts = [
        (shares.device, Bound.DEVICE),
        (shares.host, Bound.HOST),
        (shares.rendering, Bound.RENDERING),
        (shares.front_end, Bound.FRONT_END),
        (shares.device_host, Bound.DEVICE_HOST),
    ]
    return next((found for share, found in parts if share >= FULL), Bound.NOTHING)


def cpu_layouts(cores: int) -> list[tuple[int, int]]:
    """Device workers and the threads of each, so that together they take all cores: from one worker with
    all of them, doubling, to one worker a core."""
    workers = [2**power for power in range(cores.bit_length()) if 2**power <= cores]
    return [(count, max(1, cores // count)) for count in workers]
