"""When is the next batch formed? As late as may be, so that it is full when it goes; and an idle device
waits a little for company, but only where more is on its way and a second batch would cost more.

The longest wait is half of what a batch costs before its first item: a gathering that fails then costs
no more than half of what it would have saved (the argument of ski rental).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LONGEST_WAIT_SECONDS = 0.05
_LONGEST_GAP_SECONDS = 0.01
_GAP_SHARE = 0.1
"""Of the fixed cost: how long after a page another one may still be close behind it."""

_MARGIN_SECONDS = 0.002
_NEWEST_SHARE = 0.3
"""What the newest delay counts in the usual one."""

_LEAVING_SHARE = 0.02
"""Of the company: how much smaller it is taken to be after each answer until it is seen again."""


@dataclass(frozen=True)
class Outlook:
    """What is known of a batch that could be formed now. `may_gather`: pages on their way would join it,
    and the device has nothing else to do. `busy_until` is None for an idle device, and -inf where
    nothing is known of its batch."""

    is_full: bool
    may_gather: bool
    oldest_since: float
    fixed_seconds: float
    pre_seconds: float
    busy_until: float | None

    @property
    def longest_wait(self) -> float:
        return min(self.fixed_seconds / 2, LONGEST_WAIT_SECONDS) if self.may_gather else 0.0


class Gathering:
    """What pages' coming and going tells of those that will come. In a closed loop each answer brings a
    new page, until as many are here as before: the usual delay and the usual number are learnt."""

    def __init__(self) -> None:
        self._idle_since = -math.inf
        self._came_at = -math.inf
        self._is_more_coming = False
        self._are_all_here = False
        self._usual_company = 0.0
        self._answered_at: float | None = None
        self._usual_delay = LONGEST_WAIT_SECONDS

    def device_is_idle(self, now: float) -> None:
        self._idle_since = now

    def page_came(self, num_here: int, num_coming: int, now: float) -> None:
        """`num_here` with this one; `num_coming` behind it, as far as the engine knows."""
        self._came_at = now
        self._is_more_coming = num_coming > 0
        self._usual_company = max(self._usual_company, num_here)
        self._are_all_here = num_here >= round(self._usual_company)
        if self._answered_at is not None:
            self._learn_delay(now - self._answered_at)
            self._answered_at = None

    def page_answered(self, now: float) -> None:
        if self._answered_at is not None and now - self._answered_at > LONGEST_WAIT_SECONDS:
            self._learn_delay(math.inf)
            self._answered_at = None
        if self._answered_at is None:
            self._answered_at = now
            self._usual_company *= 1 - _LEAVING_SHARE

    def _learn_delay(self, seconds: float) -> None:
        seconds = min(seconds, 2 * LONGEST_WAIT_SECONDS)
        self._usual_delay += _NEWEST_SHARE * (seconds - self._usual_delay)

    def due_at(self, batch: Outlook) -> float:
        """When to form it: -inf for at once, inf for not before something happens."""
        if batch.busy_until is None:
            return -math.inf if batch.is_full else self._due_at_while_idle(batch)
        shortly_before = batch.busy_until - batch.pre_seconds - _MARGIN_SECONDS
        if batch.is_full:
            # Not at once: who comes meanwhile and has a right to be next would wait for it too.
            return shortly_before
        if self._usual_delay <= batch.longest_wait and batch.pre_seconds < batch.longest_wait:
            # What answers bring joins this batch for less than another batch costs.
            return math.inf
        return shortly_before

    def _due_at_while_idle(self, batch: Outlook) -> float:
        longest = batch.longest_wait
        gap = min(_GAP_SHARE * batch.fixed_seconds, _LONGEST_GAP_SECONDS)
        if self._is_more_coming:
            gap = longest
        elif self._are_all_here:
            gap = 0.0
        until = self._came_at + gap
        if self._answered_at is not None and self._usual_delay <= longest:
            until = max(until, self._answered_at + longest)
        return min(until, max(self._idle_since, batch.oldest_since) + longest)
