"""When is an answer looked for next?"""

from __future__ import annotations

from collections import deque

FIRST_SECONDS = 1.0
SHARE_OF_AGE = 0.1
MOST_SECONDS = 60.0
"""What nobody is ahead of is noticed within a tenth of the time that it took, and within a minute."""

SHARE_OF_TURN = 0.75
MOST_SHARE_OF_AGE = 0.5
"""What others are ahead of is left alone for so much of the time that these will take, but for half of its
age at most: were it noticed much later, little would follow it into the queue, and all would seem slow."""

SHARE_OF_USUAL = 0.75
"""Answers take about as long as others lately: nothing is looked at much sooner."""

TOLD_SECONDS = 900.0
"""Between looks where notifications come: some get lost."""

_MEASURED = 64
_WEIGHT = 0.1


class Rhythm:
    """Looks rarely at what is young or far behind. `is_told` where notifications say when to look."""

    def __init__(self, *, is_told: bool) -> None:
        self._is_told = is_told
        self._written: deque[float] = deque(maxlen=_MEASURED)
        self._usual_seconds = 0.0

    def completed(self, called_seconds: float, written_seconds: float) -> None:
        """An answer; both times are the endpoint's own, however late it was noticed."""
        self._written.append(written_seconds)
        took = max(0.0, written_seconds - called_seconds)
        self._usual_seconds += (_WEIGHT if self._usual_seconds else 1.0) * (took - self._usual_seconds)

    def next(self, called_seconds: float, now: float, num_ahead: int) -> float:
        """When to look, for the first time or again, at what `num_ahead` others were submitted before."""
        if self._is_told:
            return now + TOLD_SECONDS
        age = now - called_seconds
        alone = max(FIRST_SECONDS, min(MOST_SECONDS, SHARE_OF_AGE * age))
        turn = SHARE_OF_TURN * num_ahead * self._seconds_each()
        soon = now + max(alone, min(turn, MOST_SHARE_OF_AGE * age))
        return max(soon, called_seconds + SHARE_OF_USUAL * self._usual_seconds)

    def _seconds_each(self) -> float:
        """Between answers lately; 0 where nothing is known."""
        if len(self._written) < 2:
            return 0.0
        return (max(self._written) - min(self._written)) / (len(self._written) - 1)
