"""How are many documents attended to at once, from their submission to their outcome?"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from quire_endpoint.client.backlog import Backlog
from quire_endpoint.client.errors import CannotSubmit, DocumentUnreadable, StillWaiting
from quire_endpoint.client.jobs import Attempt, Entry, Job
from quire_endpoint.client.looking import Looked
from quire_endpoint.client.mail import Told
from quire_endpoint.client.outcomes import NOT_SUBMITTED, Expired, Failed, Lost, ModelError, Outcome
from quire_endpoint.client.pace import Pace
from quire_endpoint.client.rhythm import Rhythm
from quire_endpoint.client.sender import NotTaken, Postponed, Sending
from quire_endpoint.client.stop import Stop
from quire_endpoint.client.tasks import Tasks
from quire_endpoint.client.tools import Tools
from quire_endpoint.client.verdicts import Next

MOST_NOT_TAKEN = 10
"""Documents in a row that the endpoint does not take, until a batch gives up."""

_MOST_ENTERED_AT_ONCE = 200
_AGAIN_SECONDS = 2.0
"""Until the next look at what a notification has told of and S3 does not show yet."""


@dataclass(order=True, slots=True)
class _Due:
    seconds: float
    order: int
    number: int
    calls: int = 0
    data: bytes | None = None
    repeated: Attempt | None = None


class Attendance:
    """Of the documents of one call, by the thread that asks for their outcomes. What the endpoint has already
    is attended to by `take_up`; `entries` follow as the pace allows, without one at once."""

    def __init__(
        self, tools: Tools, entries: Iterable[Entry | Failed], pace: Pace | None, told: Told | None
    ) -> None:
        self._tools = tools
        self._entries = iter(entries)
        self._is_fed = False
        self._is_more_at_hand = False
        self._pace = pace
        self._told = told
        self._rhythm = Rhythm(is_told=told is not None)
        self._stop = Stop()
        self._sends = Tasks(tools.executor, tools.num_threads)
        self._looks = Tasks(tools.executor, tools.num_threads)
        self._backlog = Backlog()
        self._seen: set[int] = set()
        self._to_send: list[_Due] = []
        self._to_look: list[_Due] = []
        self._looking: set[int] = set()
        self._order_of_look: dict[int, int] = {}
        self._orders = itertools.count()
        self._outcomes: deque[Outcome] = deque()
        self._not_taken = 0

    def take_up(self, numbers: Iterable[int]) -> None:
        """Documents that were submitted earlier."""
        now = self._tools.clock.now()
        for number in numbers:
            self._enter(Entry(self._tools.ledger.job(number)), now)

    def run(self, until_seconds: float | None) -> Iterator[Outcome]:
        """Each outcome once, as it comes. Ends with the last; it comes by the jobs' own deadlines. Raises
        StillWaiting at `until_seconds`, CannotSubmit, CannotRead."""
        clock = self._tools.clock
        try:
            while True:
                self._feed(clock.now())
                self._start(clock.now())
                while self._outcomes:
                    yield self._outcomes.popleft()
                now = clock.now()
                if self._is_fed and not self._backlog:
                    return
                if until_seconds is not None and now >= until_seconds:
                    raise StillWaiting(self._backlog.references())
                self._wait(now, until_seconds)
        finally:
            self._stop.ask()
            self._sends.settle()
            self._looks.settle()

    def _feed(self, now: float) -> None:
        self._is_more_at_hand = False
        for _ in range(_MOST_ENTERED_AT_ONCE):
            if self._is_fed or (self._pace and self._backlog.num_counted(now) >= self._pace.allowed(now)):
                return
            entry = next(self._entries, None)
            if entry is None:
                self._is_fed = True
            elif isinstance(entry, Failed):
                self._outcomes.append(entry)
            elif entry.job.number not in self._seen:
                self._enter(entry, now)
        self._is_more_at_hand = True

    def _enter(self, entry: Entry, now: float) -> None:
        job = entry.job
        self._seen.add(job.number)
        known = self._tools.ledger.outcome(job.number)
        if known is not None:
            self._outcomes.append(known)
            return
        self._backlog.add(job)
        if job.attempt is None:
            heapq.heappush(self._to_send, self._due(now, job, entry.data))
        else:
            self._attend(job, now)
            self._look_at(job.number, now)

    def _attend(self, job: Job, now: float) -> None:
        self._backlog.attend(job)
        self._look_at(job.number, self._next_look(job, now, now))

    def _next_look(self, job: Job, now: float, told_seconds: float) -> float:
        """When answers usually come, and no later than it counts as lost; `told_seconds` where a notification
        has told of it, or nothing is known of it."""
        attempt = job.attempt
        if attempt is None or attempt.told is not None:
            return told_seconds
        usual = self._rhythm.next(attempt.called_seconds, now, self._backlog.num_ahead(job.number))
        return min(usual, max(told_seconds, self._tools.lookout.lost_seconds(job, attempt)))

    def _due(self, seconds: float, job: Job, data: bytes | None = None) -> _Due:
        return _Due(seconds, next(self._orders), job.number, job.calls, data)

    def _look_at(self, number: int, seconds: float) -> None:
        """In place of any later or earlier look that was due."""
        order = self._order_of_look[number] = next(self._orders)
        heapq.heappush(self._to_look, _Due(seconds, order, number))

    def _start(self, now: float) -> None:
        while self._sends.has_room and self._to_send and self._to_send[0].seconds <= now:
            due = heapq.heappop(self._to_send)
            self._sends.start(partial(self._send, due), partial(self._sent, due))
        while self._looks.has_room and self._to_look and self._to_look[0].seconds <= now:
            self._look(heapq.heappop(self._to_look), now)

    def _look(self, due: _Due, now: float) -> None:
        if due.number not in self._backlog or self._order_of_look.get(due.number) != due.order:
            return
        del self._order_of_look[due.number]
        if due.number in self._looking:
            self._look_at(due.number, now + _AGAIN_SECONDS)
            return
        self._looking.add(due.number)
        self._looks.start(partial(self._tools.lookout.look, due.number), self._looked)

    def _send(self, due: _Due) -> Sending:
        try:
            return self._tools.sender.send(due.number, due.calls, due.data, due.repeated, self._stop)
        except DocumentUnreadable as error:
            return NotTaken(str(error), is_documents_fault=True)

    def _wait(self, now: float, until_seconds: float | None) -> None:
        futures: list[Any] = [*self._sends.futures, *self._looks.futures]
        if self._told is not None:
            futures.append(self._told.future)
        next_due = [now] if self._is_more_at_hand else []
        next_due += [] if (uncounted := self._backlog.next_uncounted(now)) is None else [uncounted]
        next_due += [self._to_send[0].seconds] if self._to_send and self._sends.has_room else []
        next_due += [self._to_look[0].seconds] if self._to_look and self._looks.has_room else []
        next_due += [] if until_seconds is None else [until_seconds]
        self._tools.clock.wait(max(0.0, min(next_due, default=now + 3600) - now), futures)
        self._sends.collect()
        self._looks.collect()
        for number in self._told.take() if self._told is not None else ():
            self._look_at(number, now)

    def _sent(self, due: _Due, sending: Sending) -> None:
        now = self._tools.clock.now()
        if isinstance(sending, Postponed):
            later = replace(
                due, seconds=now + sending.seconds, calls=sending.calls, repeated=sending.repeated
            )
            heapq.heappush(self._to_send, later)
        elif isinstance(sending, NotTaken):
            self._give_up(due.number, sending)
        else:
            self._not_taken = 0
            self._attend(self._tools.ledger.job(due.number), now)

    def _give_up(self, number: int, sending: NotTaken) -> None:
        self._not_taken += not sending.is_documents_fault
        if self._not_taken >= MOST_NOT_TAKEN:
            raise CannotSubmit(
                f"the endpoint took none of {MOST_NOT_TAKEN} documents in a row: {sending.why}"
            )
        error = ModelError(sending.why, NOT_SUBMITTED, True)
        self._outcomes.append(Failed(self._backlog.end(number) or "", "", 0, error))

    def _looked(self, looked: Looked) -> None:
        now, number = self._tools.clock.now(), looked.job.number
        self._looking.discard(number)
        if looked.result is Next.SUBMIT_AGAIN:
            self._order_of_look.pop(number, None)
            heapq.heappush(self._to_send, self._due(now, looked.job))
        elif isinstance(looked.result, Next):
            self._wait_on(number, looked, now)
        else:
            self._finish(number, looked.result, looked)

    def _wait_on(self, number: int, looked: Looked, now: float) -> None:
        """Unless a notification has asked for a look meanwhile."""
        if number in self._order_of_look:
            return
        self._look_at(number, self._next_look(looked.job, now, now + _AGAIN_SECONDS))

    def _finish(self, number: int, outcome: Outcome, looked: Looked) -> None:
        if self._backlog.end(number) is None:
            return
        self._order_of_look.pop(number, None)
        self._outcomes.append(outcome)
        called = looked.job.attempt.called_seconds if looked.job.attempt else self._tools.clock.now()
        if isinstance(outcome, Expired | Lost):
            return
        if looked.written_seconds is not None:
            self._rhythm.completed(called, looked.written_seconds)
        if self._pace is not None:
            self._pace.completed(called, looked.written_seconds, self._tools.clock.now())
