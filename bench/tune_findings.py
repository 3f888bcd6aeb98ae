"""What did a tuning find, and what is to be set for it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.knee import NEAR_BEST, Bound, Layout, Point, bound, knee

SHARES = (0.25, 0.5, 1.0, 2.0)
"""Of the built-in batch ceilings: what is tried."""


@dataclass(frozen=True)
class ShareTried:
    """What a share of the built-in batch ceilings reached. `largest_batches` has the items of the largest
    batch of each lane, by its name: where it no longer grows with the share, something else bounds it."""

    share: float
    point: Point
    largest_batches: Mapping[str, int]


@dataclass(frozen=True)
class Findings:
    """`layouts` and `shares` are empty where they were not tried; `points` never is."""

    layouts: tuple[Layout, ...]
    points: tuple[Point, ...]
    shares: tuple[ShareTried, ...]


@dataclass(frozen=True)
class Recommendation:
    """What to set, and what was measured with it. `layout` and `share` are None where there was no choice."""

    in_flight: int
    layout: Layout | None
    share: float | None
    host_bytes: int
    gpu_bytes: int | None
    bound: Bound

    @property
    def variables(self) -> dict[str, str]:
        """For the container's environment."""
        found = {"QUIRE_MAX_CONCURRENT_INVOCATIONS": str(self.in_flight)}
        if self.layout is not None:
            found |= layout_variables(self.layout)
        if self.share is not None:
            found["QUIRE_BATCH_SHARE"] = f"{self.share:g}"
        return found


def layout_variables(layout: Layout) -> dict[str, str]:
    return {"QUIRE_DEVICE_WORKERS": str(layout.workers), "QUIRE_DEVICE_THREADS": str(layout.threads)}


def fastest_layout(layouts: Sequence[Layout]) -> Layout | None:
    return max(layouts, key=lambda each: each.pages_a_second, default=None)


def least_share(shares: Sequence[ShareTried]) -> ShareTried:
    """The smallest share whose throughput is within 5 % of the best: smaller batches take less memory and
    hold other documents up for less time."""
    best = max(each.point.pages_a_second for each in shares)
    enough = [each for each in shares if each.point.pages_a_second >= NEAR_BEST * best]
    return min(enough, key=lambda each: each.share)


def recommend(findings: Findings) -> Recommendation:
    """Memory and bound are those of the container with all of it set, as far as that was measured."""
    tried = least_share(findings.shares) if findings.shares else None
    point = tried.point if tried else knee(findings.points)
    return Recommendation(
        in_flight=point.in_flight,
        layout=fastest_layout(findings.layouts) if len(findings.layouts) > 1 else None,
        share=tried.share if tried else None,
        host_bytes=point.host_bytes,
        gpu_bytes=point.gpu_bytes,
        bound=bound(point.shares),
    )
