"""Time that moves only when nothing is left to do now: a heap of events, and no sleeping."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import count


class Clock:
    """Events of one moment run in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        self.at(self.now + seconds, event)

    def at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(moment, self.now), next(self._numbers), event))

    @property
    def next_event_at(self) -> float:
        """Infinity when nothing is to come."""
        return self._events[0][0] if self._events else math.inf

    def move_to(self, moment: float) -> None:
        """Runs everything that is due by then, also what comes up meanwhile."""
        self.now = moment
        while self._events and self._events[0][0] <= moment:
            heapq.heappop(self._events)[2]()
