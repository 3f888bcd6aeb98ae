"""How many documents may wait at the endpoint at once?"""

from __future__ import annotations

from collections import deque

SHARE_OF_TTL = 0.25

_GROWTH = 2
"""As many more may wait for each that has completed. A rate from few completions is no rate: of documents
that end together a second after the run began it would be thousands of times too large. Documents of an hour
over a TTL of six allow 1.5 a lane, so that the first to end together, one a lane, do not allow many more."""


class Pace:
    """At most as many as the endpoint completes in a quarter of the TTL: none expires unless it becomes four
    times slower. Measured in this run alone, from completions by their own dates, so that what had completed
    before it began, or is noticed late, does not make the endpoint look faster than it is. All times are the
    client's clock."""

    def __init__(self, ttl_seconds: float, first_backlog: int, now: float) -> None:
        self._span_seconds = ttl_seconds * SHARE_OF_TTL
        self._first_backlog = first_backlog
        self._began_seconds = now
        self._completed: deque[float] = deque()
        self._num_completed = 0

    def completed(self, called_seconds: float, written_seconds: float | None, now: float) -> None:
        """One has. What bears no date counts when it is noticed, if it was called in this run."""
        if written_seconds is None and called_seconds >= self._began_seconds:
            written_seconds = now
        if written_seconds is not None and written_seconds >= self._began_seconds:
            self._completed.append(written_seconds)
            self._num_completed += 1

    def allowed(self, now: float) -> int:
        """At least one."""
        elapsed = now - self._began_seconds
        if not self._completed or elapsed <= 0:
            return self._first_backlog
        while len(self._completed) > 1 and self._completed[0] <= now - self._span_seconds:
            self._completed.popleft()
        a_second = len(self._completed) / max(1.0, min(elapsed, self._span_seconds))
        most = self._first_backlog + _GROWTH * self._num_completed
        return max(1, min(most, int(a_second * self._span_seconds)))
