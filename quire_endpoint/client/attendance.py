"""How are many documents attended to at once, from their submission to their outcome?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from quire_endpoint.client.agenda import Agenda, Due
from quire_endpoint.client.backlog import Backlog
from quire_endpoint.client.errors import CannotSubmit, DocumentUnreadable, StillWaiting
from quire_endpoint.client.jobs import Entry, Job
from quire_endpoint.client.looking import Looked
from quire_endpoint.client.mail import Told
from quire_endpoint.client.outcomes import NOT_SUBMITTED, Expired, Failed, Lost, ModelError, Outcome
from quire_endpoint.client.pace import Pace
from quire_endpoint.client.rhythm import Rhythm
from quire_endpoint.client.sender import NotTaken, Postponed, Sending
from quire_endpoint.client.silence import Silence
from quire_endpoint.client.stop import Stop
from quire_endpoint.client.tasks import Tasks
from quire_endpoint.client.tools import Tools
from quire_endpoint.client.verdicts import Next

MOST_NOT_TAKEN = 10
"""Documents in a row that the endpoint does not take, until a batch gives up."""

_MOST_ENTERED_AT_ONCE = 200
_AGAIN_SECONDS = 2.0
"""Until the next look at what a notification has told of and S3 does not show yet."""


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
        self._silence = Silence()
        self._unreadable: dict[int, str] = {}
        self._seen: set[int] = set()
        self._agenda = Agenda()
        self._looking: set[int] = set()
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
            if self._is_fed or self._is_held_back(now):
                return
            entry = next(self._entries, None)
            if entry is None:
                self._is_fed = True
            elif isinstance(entry, Failed):
                self._outcomes.append(entry)
            elif entry.job.number not in self._seen:
                self._enter(entry, now)
        self._is_more_at_hand = True

    def _is_held_back(self, now: float) -> bool:
        if self._pace is None:
            return False
        is_full = self._backlog.num_counted(now) >= self._pace.allowed(now)
        return is_full or self._silence.until_seconds(now) is not None

    def _enter(self, entry: Entry, now: float) -> None:
        job = entry.job
        self._seen.add(job.number)
        known = self._tools.ledger.outcome(job.number)
        if known is not None:
            self._outcomes.append(known)
            return
        self._backlog.add(job)
        if job.attempt is None:
            self._silence.tried(now)
            self._agenda.send(job, now, entry.data)
        else:
            self._attend(job, now)
            self._agenda.look(job.number, now)

    def _attend(self, job: Job, now: float) -> None:
        self._backlog.attend(job)
        self._agenda.look(job.number, self._next_look(job, now, now))

    def _next_look(self, job: Job, now: float, told_seconds: float) -> float:
        """When answers usually come, and no later than it counts as lost; `told_seconds` where a notification
        has told of it, or nothing is known of it."""
        attempt = job.attempt
        if attempt is None or attempt.told is not None:
            return told_seconds
        usual = self._rhythm.next(attempt.called_seconds, now, self._backlog.num_ahead(job.number))
        return min(usual, max(told_seconds, self._tools.lookout.lost_seconds(job, attempt)))

    def _start(self, now: float) -> None:
        while self._sends.has_room and (due := self._agenda.take_send(now)) is not None:
            self._sends.start(partial(self._send, due), partial(self._sent, due))
        while self._looks.has_room and (number := self._agenda.take_look(now)) is not None:
            self._look(number, now)

    def _look(self, number: int, now: float) -> None:
        if number not in self._backlog:
            return
        if number in self._looking:
            self._agenda.look(number, now + _AGAIN_SECONDS)
            return
        self._looking.add(number)
        look = partial(self._tools.lookout.look, number, self._unreadable.get(number))
        self._looks.start(look, self._looked)

    def _send(self, due: Due) -> Sending:
        try:
            return self._tools.sender.send(due.number, due.calls, due.data, due.repeated, self._stop)
        except DocumentUnreadable as error:
            return NotTaken(str(error), is_documents_fault=True)

    def _wait(self, now: float, until_seconds: float | None) -> None:
        futures: list[Any] = [*self._sends.futures, *self._looks.futures]
        if self._told is not None:
            futures.append(self._told.future)
        self._tools.clock.wait(max(0.0, self._next_seconds(now, until_seconds) - now), futures)
        self._sends.collect()
        self._looks.collect()
        for number in self._told.take() if self._told is not None else ():
            self._agenda.look(number, now)

    def _next_seconds(self, now: float, until_seconds: float | None) -> float:
        """When there is something to do though nothing ends meanwhile."""
        possible = (
            now if self._is_more_at_hand else None,
            self._backlog.next_uncounted(now),
            self._silence.until_seconds(now),
            self._agenda.next_send_seconds if self._sends.has_room else None,
            self._agenda.next_look_seconds if self._looks.has_room else None,
            until_seconds,
        )
        return min((seconds for seconds in possible if seconds is not None), default=now + 3600)

    def _sent(self, due: Due, sending: Sending) -> None:
        now = self._tools.clock.now()
        if due.number not in self._backlog:
            return
        if isinstance(sending, Postponed):
            self._silence.unanswered(now)
            self._agenda.postpone(due, sending, now)
        elif isinstance(sending, NotTaken):
            self._not_sent(self._tools.ledger.job(due.number), sending, now)
        else:
            self._not_taken = 0
            self._called(self._tools.ledger.job(due.number), now)

    def _called(self, job: Job, now: float) -> None:
        if job.attempt is not None and job.attempt.is_answered:
            self._silence.answered()
        else:
            self._silence.unanswered(now)
        self._attend(job, now)

    def _not_sent(self, job: Job, sending: NotTaken, now: float) -> None:
        """What cannot be read and was submitted before has an outcome all the same."""
        if sending.is_documents_fault and job.attempt is not None:
            self._unreadable[job.number] = sending.why
            self._agenda.look(job.number, now)
        else:
            self._give_up(job.number, sending)

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
            self._agenda.drop_look(number)
            self._agenda.send(looked.job, now)
        elif isinstance(looked.result, Next):
            self._wait_on(number, looked, now)
        else:
            self._finish(number, looked.result, looked)

    def _wait_on(self, number: int, looked: Looked, now: float) -> None:
        """Unless a notification has asked for a look meanwhile."""
        if self._agenda.has_look(number):
            return
        self._agenda.look(number, self._next_look(looked.job, now, now + _AGAIN_SECONDS))

    def _finish(self, number: int, outcome: Outcome, looked: Looked) -> None:
        if self._backlog.end(number) is None:
            return
        self._agenda.drop_look(number)
        self._outcomes.append(outcome)
        called = looked.job.attempt.called_seconds if looked.job.attempt else self._tools.clock.now()
        if isinstance(outcome, Expired | Lost):
            return
        if looked.written_seconds is not None:
            self._rhythm.completed(called, looked.written_seconds)
        if self._pace is not None:
            self._pace.completed(called, looked.written_seconds, self._tools.clock.now())
