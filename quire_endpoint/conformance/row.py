"""What is one claim of the suite, and what can come of checking it?"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quire_endpoint.conformance.plans import Plan
    from quire_endpoint.conformance.stage import Stage


class Proof(enum.StrEnum):
    """How the claim is known."""

    DOCUMENTED = "documented"
    """In AWS's documentation or its service models."""
    AWS_CODE = "AWS's code"
    """AWS's own client, container or test relies on it."""
    SEEN = "seen"
    """Reported from real endpoints by others than AWS."""
    ASSUMED = "assumed"
    """Nothing says so; the local endpoint takes the answer that is worst for the caller, or the likeliest."""


class Subject(enum.StrEnum):
    """The lines of the contract's checklist for an emulator, in its order."""

    WIRE = "Wire format and limits"
    QUEUE = "Queue, time-outs and concurrency"
    KEYS = "Objects and their keys"
    NO_FAILURE_PATH = "No failure path"
    NO_RETRY = "No retry on the container's error"
    FAULTS = "Faults on demand"
    RESPONSES = "Response checks"
    MODEL_FOLDER = "The model's folder"
    PINGS = "Pings"
    STOPPING = "Stopping a container"
    ZERO = "Scaling, and zero instances"
    NOTIFICATIONS = "Notifications"
    DATA_LOG = "Data log"
    METRICS = "Metrics"
    REAL_TIME = "Real-time calls"
    CONTROL = "Control plane"
    ISOLATION = "Network isolation"


class Verdict(enum.StrEnum):
    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_CHECKABLE = "not checkable here"


class Differs(Exception):
    """The target does something else; the message says what was seen."""


class NotCheckable(Exception):
    """Here nobody can tell; the message says why."""


Check = Callable[["Stage"], None]
"""Returns where the claim holds. Raises Differs or NotCheckable."""


@dataclass(frozen=True)
class Claim:
    """`plans` are the endpoints that the check needs, so that all can be made at once. `is_local` marks what
    AWS offers no way to bring about, `minutes` what takes long there."""

    subject: Subject
    sentence: str
    proof: Proof
    source: str
    plans: tuple[Plan, ...] = ()
    is_local: bool = False
    minutes: int = 0

    def __call__(self, check: Check) -> Row:
        return Row(getattr(check, "__name__", "check").replace("_", "-"), self, check)


@dataclass(frozen=True)
class Row:
    """A claim with its check, by the name under which it can be run alone."""

    name: str
    claim: Claim
    check: Check


@dataclass(frozen=True)
class Result:
    """`seen` is empty where the claim holds."""

    row: Row
    verdict: Verdict
    seen: str = ""


def expect(condition: bool, seen: object) -> None:
    """Raises Differs with what was seen instead."""
    if not condition:
        raise Differs(str(seen))


def same(seen: object, expected: object) -> None:
    """Raises Differs unless the two are equal."""
    expect(seen == expected, f"{seen!r} instead of {expected!r}")
