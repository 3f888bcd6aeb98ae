"""Which of a stream's lines stay in memory?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

KEPT_LINES = 10_000

KEPT_CHARACTERS = 4 << 20
"""A line may have a quarter of a million. Of a stream's last line all are kept."""


class KeptLines:
    """The last ones, so many and so long."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._num_characters = 0

    def append(self, line: str) -> None:
        self._lines.append(line)
        self._num_characters += len(line)
        while len(self._lines) > KEPT_LINES or (
            self._num_characters > KEPT_CHARACTERS and len(self._lines) > 1
        ):
            self._num_characters -= len(self._lines.popleft())

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)
