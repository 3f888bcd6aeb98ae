"""What has become of one document by now?"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from quire_endpoint.client.clock import Clock
from quire_endpoint.client.errors import CannotRead
from quire_endpoint.client.finding import Finder, Finding, Nothing
from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.notices import Notice, notice_of
from quire_endpoint.client.outcomes import Failed, Lost, Outcome, Partial, Succeeded
from quire_endpoint.client.places import Places, places_of
from quire_endpoint.client.verdicts import Next, lost_seconds, verdict

MOST_SECONDS_UNREACHED = 900.0
_MOST_BETWEEN_FAILURES = 120.0
"""A machine that slept meanwhile has not tried."""


@dataclass(frozen=True)
class Looked:
    """At one document. `written_seconds` is when its answer was, by the client's clock, though S3's were
    another; None where S3 does not say."""

    job: Job
    result: Outcome | Next
    written_seconds: float | None = None


class Lookout:
    """Looks, decides, and keeps the outcome in the ledger. Threads may share one."""

    def __init__(self, ledger: Ledger, finder: Finder, clock: Clock, slack_seconds: float) -> None:
        self._ledger = ledger
        self._finder = finder
        self._clock = clock
        self._slack_seconds = slack_seconds
        self._lock = threading.Lock()
        self._failed_seconds: float | None = None
        self._unreached_seconds = 0.0

    def look(self, number: int, unreadable: str | None = None) -> Looked:
        """`unreadable` is why the document cannot be submitted again, where it cannot. Raises CannotRead,
        where S3 gives no answer for a quarter of an hour too."""
        job = replace(self._ledger.job(number), unreadable=unreadable)
        known = self._ledger.outcome(number)
        if known is not None or job.attempt is None:
            return Looked(job, known or Next.SUBMIT_AGAIN)
        looked = self._at(job, job.attempt)
        is_answer = isinstance(looked.result, Succeeded | Partial)
        for attempt in () if is_answer else self._ledger.attempts(number)[1:]:
            looked = self._with_earlier(looked, attempt)
        if isinstance(looked.result, Next):
            return looked
        return replace(looked, result=self._ledger.finish(number, looked.result))

    def _at(self, job: Job, attempt: Attempt) -> Looked:
        now = self._clock.now()
        told = notice_of(attempt.told) if attempt.told else None
        finding = self._finder.find(self._places(attempt, told))
        self._count(finding, self._clock.now())
        job = replace(job, attempt=attempt)
        result = verdict(job, finding, told, is_late=now >= self.lost_seconds(job, attempt))
        return Looked(job, result, _written(finding, now))

    def _with_earlier(self, latest: Looked, attempt: Attempt) -> Looked:
        """An answer of an earlier attempt is taken at any time; it is looked for when it is told of, and
        before the latest is given up or ends badly."""
        if isinstance(latest.result, Succeeded | Partial):
            return latest
        if latest.result is Next.WAIT and attempt.told is None:
            return latest
        earlier = self._at(latest.job, attempt)
        if isinstance(earlier.result, Succeeded | Partial):
            return earlier
        is_unready = latest.result is Next.SUBMIT_AGAIN or isinstance(latest.result, Lost)
        is_final = isinstance(earlier.result, Failed) and not earlier.result.error.is_retryable
        if is_unready and (is_final or earlier.result is Next.WAIT):
            return replace(latest, result=earlier.result)
        return latest

    def lost_seconds(self, job: Job, attempt: Attempt) -> float:
        """When nothing can come any more."""
        return lost_seconds(job, attempt, self._slack_seconds)

    def _count(self, finding: Finding, now: float) -> None:
        """Time for which S3 has answered nothing."""
        unknown = finding.unknown if isinstance(finding, Nothing) else None
        with self._lock:
            since, self._failed_seconds = self._failed_seconds, None if unknown is None else now
            if unknown is None or since is None:
                self._unreached_seconds = 0.0
                return
            self._unreached_seconds += min(max(0.0, now - since), _MOST_BETWEEN_FAILURES)
            if self._unreached_seconds >= MOST_SECONDS_UNREACHED:
                raise CannotRead(unknown)

    def _places(self, attempt: Attempt, told: Notice | None) -> Places:
        """As the call answered; else as a notification says; else as a like call was answered."""
        if attempt.is_answered or told is None or (told.output or told.failure) is None:
            near = None if attempt.is_answered else self._ledger.answered_near(attempt)
            return places_of(attempt, near)
        return Places(told.output, told.failure)


def _written(finding: Finding, now: float) -> float | None:
    if isinstance(finding, Nothing) or finding.age_seconds is None:
        return None
    return now - finding.age_seconds
