"""Which document is to be sent or looked at next, and when?"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, replace

from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.client.sender import Postponed


@dataclass(order=True, slots=True)
class Due:
    """Of those due at once, the one that was entered first comes first."""

    seconds: float
    order: int
    number: int
    calls: int = 0
    data: bytes | None = None
    repeated: Attempt | None = None


class Agenda:
    """Of one attendance. A document has one look ahead of it, or none."""

    def __init__(self) -> None:
        self._to_send: list[Due] = []
        self._to_look: list[Due] = []
        self._order_of_look: dict[int, int] = {}
        self._orders = itertools.count()

    def send(self, job: Job, seconds: float, data: bytes | None = None) -> None:
        heapq.heappush(self._to_send, Due(seconds, next(self._orders), job.number, job.calls, data))

    def postpone(self, due: Due, sending: Postponed, now: float) -> None:
        seconds = now + sending.seconds
        later = replace(due, seconds=seconds, calls=sending.calls, repeated=sending.repeated)
        heapq.heappush(self._to_send, later)

    def look(self, number: int, seconds: float) -> None:
        """In place of any later or earlier look that was due."""
        order = self._order_of_look[number] = next(self._orders)
        heapq.heappush(self._to_look, Due(seconds, order, number))

    def has_look(self, number: int) -> bool:
        return number in self._order_of_look

    def drop_look(self, number: int) -> None:
        self._order_of_look.pop(number, None)

    def take_send(self, now: float) -> Due | None:
        return heapq.heappop(self._to_send) if self._to_send and self._to_send[0].seconds <= now else None

    def take_look(self, now: float) -> int | None:
        """The document's number."""
        while self._to_look and self._to_look[0].seconds <= now:
            due = heapq.heappop(self._to_look)
            if self._order_of_look.get(due.number) == due.order:
                del self._order_of_look[due.number]
                return due.number
        return None

    @property
    def next_send_seconds(self) -> float | None:
        return self._to_send[0].seconds if self._to_send else None

    @property
    def next_look_seconds(self) -> float | None:
        """Or earlier, where that look was put off."""
        return self._to_look[0].seconds if self._to_look else None
