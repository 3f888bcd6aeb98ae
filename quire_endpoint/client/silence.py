"""An endpoint that does not answer, or is too busy to: when is the next new document tried there?

A document whose three calls break is waited for until TTL, timeout and slack are over, though it most likely
never arrived. So an outage must not meet the whole batch: from the first call that breaks or is throttled
nothing new is begun, until any call is answered; meanwhile one document after the other tries.
"""

from __future__ import annotations

import math

BETWEEN_TRIES_SECONDS = 60.0


class Silence:
    def __init__(self) -> None:
        self._until_seconds = -math.inf
        self._is_silent = False

    def answered(self) -> None:
        self._is_silent = False

    def unanswered(self, now: float) -> None:
        self._is_silent = True
        self._until_seconds = now + BETWEEN_TRIES_SECONDS

    def tried(self, now: float) -> None:
        """A new document is on its way."""
        if self._is_silent:
            self._until_seconds = now + BETWEEN_TRIES_SECONDS

    def until_seconds(self, now: float) -> float | None:
        """When the next may be; None where it may be now."""
        return self._until_seconds if self._is_silent and now < self._until_seconds else None
