"""How long did each stretch of an invocation take, and which are still going on?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from quire_endpoint.local.journal import Entry, Step

_BEGUN_BY = {
    Step.RECEIVED: "queued",
    Step.REQUEUED: "queued",
    Step.ASSIGNED: "downloaded",
    Step.DOWNLOADED: "model",
    Step.RESPONDED: "uploaded",
}
"""Which stretch begins with a step. A stretch is named for what has happened when it is over, but for the
container's own."""


@dataclass(frozen=True)
class Span:
    """`end_seconds` is None while it goes on. `delivery` 0 is the queue's."""

    name: str
    begin_seconds: float
    end_seconds: float | None = None
    delivery: int = 0


def spans(entries: Sequence[Entry]) -> list[Span]:
    """Of one invocation's entries, oldest first. Two deliveries at once have their stretches side by side.
    That of a notification is there once it is sent, since mostly nobody is to be told."""
    done: list[Span] = []
    going_on: dict[int, Span] = {}
    uploaded: dict[int, float] = {}
    for index, entry in enumerate(entries):
        for delivery in _ended_with(entry, entries[index + 1 :], going_on):
            done.append(replace(going_on.pop(delivery), end_seconds=entry.seconds))
        if entry.step is Step.UPLOADED:
            uploaded[entry.delivery] = entry.seconds
        if entry.step is Step.NOTIFIED:
            begun = uploaded.get(entry.delivery, entry.seconds)
            done.append(Span("notified", begun, entry.seconds, entry.delivery))
        name = _BEGUN_BY.get(entry.step)
        if name is not None:
            delivery = 0 if name == "queued" else entry.delivery
            going_on[delivery] = Span(name, entry.seconds, None, delivery)
    return sorted([*done, *going_on.values()], key=lambda span: span.begin_seconds)


def _ended_with(entry: Entry, later: Sequence[Entry], going_on: dict[int, Span]) -> list[int]:
    """Deliveries whose stretch is over. One that is delivered again elsewhere ends then, unless more is heard
    of it."""
    if entry.step is Step.ENDED:
        heard = {each.delivery for each in later}
        return [delivery for delivery in going_on if delivery not in heard]
    if entry.step is Step.REQUEUED:
        heard = {each.delivery for each in later if each.step is not Step.ENDED}
        return [delivery for delivery in going_on if delivery not in heard]
    if entry.step is Step.ASSIGNED:
        return [delivery for delivery in going_on if delivery in (0, entry.delivery)]
    return [entry.delivery] if entry.delivery in going_on else []
