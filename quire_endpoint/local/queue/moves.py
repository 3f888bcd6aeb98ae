"""What does the line answer to those who carry its deliveries, and what does it ask for?"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.queue.copies import Delivery


class Verdict(enum.Enum):
    """Who decides how a delivery ends."""

    YOURS = enum.auto()
    """Whoever asks: the container's answer counts."""
    OVERDUE = enum.auto()
    """Time ran out first."""
    GONE = enum.auto()
    """The line has decided, and the answer counts for nothing: the instance went away first, or time ran out
    and others see to what is told."""


@dataclass(frozen=True)
class Ended:
    invocation: Invocation
    ending: Ending
    number: int
    detail: str


@dataclass(frozen=True)
class Requeued:
    """To be delivered again from `ready_seconds` on; `number` is that of the delivery it comes of."""

    invocation: Invocation
    number: int
    ready_seconds: float


@dataclass(frozen=True)
class Moves:
    """What a step asks for. Of `cancelled` the calls are to be broken off. Of `overdue` time has run out: it
    is to be told, and `finish` to follow, while the calls go on."""

    deliveries: list[Delivery] = field(default_factory=list)
    cancelled: list[Delivery] = field(default_factory=list)
    overdue: list[Delivery] = field(default_factory=list)
    requeued: list[Requeued] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
