"""What is a cause, and when does it fit the evidence?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.page.evidence import Evidence


@dataclass(frozen=True)
class Cause:
    """`name` is for programs; the two sentences are for people."""

    name: str
    fits: Callable[[Evidence], bool]
    cause: str
    remedy: str


def ended(ending: Ending, pattern: str = "") -> Callable[[Evidence], bool]:
    """Ended so, and the endpoint's sentence on it matches. Locations stand in these sentences: a pattern is
    of the words around them."""
    words = re.compile(pattern)
    return lambda seen: seen.ending is ending and words.search(seen.end) is not None


def waits(seen: Evidence) -> bool:
    return seen.last_step in (Step.RECEIVED, Step.REQUEUED)


def runs(seen: Evidence) -> bool:
    return seen.last_step in (Step.ASSIGNED, Step.DOWNLOADED)


def answered(*statuses: str) -> Callable[[Evidence], bool]:
    """With an error whose status begins with one of `statuses`."""
    return lambda seen: seen.ending is Ending.MODEL_ERROR and seen.status.startswith(statuses)


def lost(words: str = "") -> Callable[[Evidence], bool]:
    """With its instance, of whose end the endpoint says these words."""
    return lambda seen: seen.ending is Ending.LOST and words in seen.obituary
