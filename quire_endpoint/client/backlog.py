"""Which documents are at the endpoint or on their way there, and how many of them does the pace count?"""

from __future__ import annotations

from dataclasses import dataclass

from quire_endpoint.client.jobs import Job

UNANSWERED_SECONDS = 60.0
"""A call without an answer that is older counts no more: most such calls never arrived, and were they counted
a few of them would stop a batch until they are lost."""

MOST_UNCOUNTED = 64
"""As many may be at the endpoint all the same: of an endpoint that answers nothing no more are tried."""


@dataclass(slots=True)
class _Open:
    """`place` counts those that were sent there."""

    reference: str
    place: int = 0


class Backlog:
    """Of one attendance."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._unanswered: dict[int, float] = {}
        self._num_attended = 0

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, number: int) -> bool:
        return number in self._open

    def add(self, job: Job) -> None:
        self._open[job.number] = _Open(job.reference)

    def attend(self, job: Job) -> None:
        """The endpoint has it, or may have it."""
        self._num_attended += 1
        self._open[job.number].place = self._num_attended
        self._unanswered.pop(job.number, None)
        if job.attempt is not None and not job.attempt.is_answered:
            self._unanswered[job.number] = job.attempt.called_seconds

    def end(self, number: int) -> str | None:
        """Its reference; None where it had ended."""
        self._unanswered.pop(number, None)
        ended = self._open.pop(number, None)
        return ended.reference if ended else None

    def num_ahead(self, number: int) -> int:
        """Of those that were sent before it and have not ended."""
        num_ended = self._num_attended - len(self._open)
        return max(0, self._open[number].place - num_ended - 1)

    def num_counted(self, now: float) -> int:
        old = sum(seconds <= now - UNANSWERED_SECONDS for seconds in self._unanswered.values())
        return len(self._open) - min(old, MOST_UNCOUNTED)

    def next_uncounted(self, now: float) -> float | None:
        """When one of them counts no more."""
        ends = (seconds + UNANSWERED_SECONDS for seconds in self._unanswered.values())
        return min((end for end in ends if end > now), default=None)

    def references(self) -> list[str]:
        return [each.reference for each in self._open.values()]
