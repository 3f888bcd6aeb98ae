"""What did an invocation cost the local endpoint itself, by its journal and by its containers' record?"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.local.journal import Entry, Step

CONCURRENCY = 4
MARK_MILLISECONDS = 5.0

COUNTED = f"""Ours, by the journal's own times:

- taking: from the moment at which the invocation is there and its instance has a slot free, until it is given
  that slot (not of the first {CONCURRENCY} of an instance, whose slots were never freed). Where containers
  answer faster than SNS takes notifications, this is the wait for one of the 32 answers of an instance that
  may be on their way at once;
- fetching: from then until its body is open: a thread wakes, the local S3 looks the object up;
- asking: from then until the answer's file is written, less what the container took by its own record;
- ending: from the last notification until the queue has put it away.

Accepting, ours as well, is InvokeEndpointAsync on the wire as its caller sees it, from the sending of the
signed request to the parsed answer. Not counted: the wait for a slot, the container, the output's put to S3,
SNS. CPU is of the endpoint's process, everything in it: acceptance, S3, moto's SNS."""


Timeline = dict[Step, Entry]
"""Of an invocation that was delivered once."""


@dataclass(frozen=True)
class Times:
    """Of one invocation, in milliseconds."""

    accepting: float
    taking: float
    fetching: float
    asking: float
    ending: float

    @property
    def ours(self) -> float:
        return self.accepting + self.taking + self.fetching + self.asking + self.ending


@dataclass(frozen=True)
class Delivered:
    """As a container wrote it down."""

    inference_id: str
    came_seconds: float
    answered_seconds: float


@dataclass(frozen=True)
class Run:
    """`displacements` are places between the order of acceptance and that of delivery, as the containers saw
    it. `cpu_milliseconds` is of the endpoint's process for each invocation: acceptance, S3 and SNS too."""

    num_accepted: int
    num_delivered: int
    num_delivered_twice: int
    num_right_outputs: int
    num_outputs: int
    seconds: float
    cpu_milliseconds: float
    displacements: list[int]
    times: list[Times]

    @property
    def is_exact(self) -> bool:
        once = {self.num_accepted, self.num_delivered, self.num_right_outputs, self.num_outputs}
        return len(once) == 1 and not self.num_delivered_twice

    @property
    def median_milliseconds(self) -> float:
        return statistics.median(one.ours for one in self.times)


def record_of(folder: Path) -> list[Delivered]:
    """Of all containers, in the order in which the invocations came."""
    lines = [line.split() for path in folder.glob("record.*") for line in path.read_text().splitlines()]
    found = [Delivered(name, float(came), float(answered)) for name, came, answered in lines]
    return sorted(found, key=lambda one: one.came_seconds)


def displacements(timelines: Mapping[str, Timeline], delivered: Sequence[Delivered]) -> list[int]:
    """`delivered` in the order in which the containers saw them."""
    accepted = sorted(timelines, key=lambda name: timelines[name][Step.RECEIVED].seconds)
    places = {name: place for place, name in enumerate(accepted)}
    return [abs(place - places[one.inference_id]) for place, one in enumerate(delivered)]


def times_of(
    timelines: Mapping[str, Timeline], calls: Mapping[str, float], delivered: Sequence[Delivered]
) -> list[Times]:
    """`calls` are seconds on the wire, by inference id."""
    container = {one.inference_id: one.answered_seconds - one.came_seconds for one in delivered}
    taking = _taking_seconds(list(timelines.values()))
    return [
        _times(timelines[name], calls[name], seconds, container[name]) for name, seconds in taking.items()
    ]


def _taking_seconds(timelines: Sequence[Timeline]) -> dict[str, float]:
    """How long a free slot stood beside an invocation that waited for one."""
    by_instance: defaultdict[str | None, list[Timeline]] = defaultdict(list)
    for timeline in timelines:
        by_instance[timeline[Step.ASSIGNED].instance_id].append(timeline)
    taking = {}
    for ours in by_instance.values():
        ours.sort(key=lambda timeline: timeline[Step.ASSIGNED].seconds)
        freed = sorted(timeline[Step.RESPONDED].seconds for timeline in ours)
        for timeline, free_seconds in zip(ours[CONCURRENCY:], freed, strict=False):
            possible = max(free_seconds, timeline[Step.RECEIVED].seconds)
            assigned = timeline[Step.ASSIGNED]
            taking[assigned.inference_id] = max(0.0, assigned.seconds - possible)
    return taking


def _times(timeline: Timeline, call: float, taking: float, container: float) -> Times:
    def between(first: Step, second: Step) -> float:
        return 1000 * (timeline[second].seconds - timeline[first].seconds)

    return Times(
        accepting=1000 * call,
        taking=1000 * taking,
        fetching=between(Step.ASSIGNED, Step.DOWNLOADED),
        asking=between(Step.DOWNLOADED, Step.RESPONDED) - 1000 * container,
        ending=between(Step.NOTIFIED if Step.NOTIFIED in timeline else Step.UPLOADED, Step.ENDED),
    )


def table(found: dict[str, Run]) -> str:
    delivery = [
        "| load | accepted | delivered | of them twice | right outputs | displaced most | mean | seconds |",
        "|---" * 8 + "|",
        *(_delivery_row(name, one) for name, one in found.items()),
    ]
    steps = ["accepting", "taking", "fetching", "asking", "ending"]
    times = [
        f"| load, ms at the median | {' | '.join(steps)} | ours together | CPU, all told |",
        "|---" * 8 + "|",
        *(_times_row(name, one, steps) for name, one in found.items()),
    ]
    return "\n".join([*delivery, "", *times])


def _delivery_row(name: str, one: Run) -> str:
    most, mean = max(one.displacements), statistics.mean(one.displacements)
    return (
        f"| {name} | {one.num_accepted} | {one.num_delivered} | {one.num_delivered_twice} "
        f"| {one.num_right_outputs} of {one.num_outputs} | {most} | {mean:.1f} | {one.seconds:.1f} |"
    )


def _times_row(name: str, one: Run, steps: Sequence[str]) -> str:
    medians = [statistics.median(getattr(times, step) for times in one.times) for step in steps]
    shown = " | ".join(f"{each:.2f}" for each in [*medians, one.median_milliseconds])
    return f"| {name} | {shown} | {one.cpu_milliseconds:.1f} |"


def verdict(judged: Run, untold: Run) -> str:
    """Both without notifications: `judged` where the container takes a while, `untold` where it does not."""
    return (
        f"The mark is {MARK_MILLISECONDS:.0f} ms, SNS apart. Where the processor is not the bottleneck, "
        f"with the container that takes a while: {judged.median_milliseconds:.1f} ms on the wall. Where it "
        "is, each step waits for the fifteen other deliveries; what one of them costs is "
        f"{untold.cpu_milliseconds:.1f} ms of CPU, "
        "acceptance and S3 included and SNS not (nobody told)."
    )


def figures(one: Run) -> dict[str, object]:
    ours = [times.ours for times in one.times]
    return {
        **{name: value for name, value in vars(one).items() if name not in ("displacements", "times")},
        "most_displaced": max(one.displacements),
        "mean_displacement": round(statistics.mean(one.displacements), 2),
        "ours_milliseconds_percentiles": [round(each, 2) for each in statistics.quantiles(ours, n=100)],
    }
