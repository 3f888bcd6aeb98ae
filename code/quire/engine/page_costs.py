"""What a document's next page will cost, in milliseconds of the device: the mean of those read so far."""

from __future__ import annotations

_FIRST_GUESS_MS = 1.0
"""Before any page was read all pages count the same, whatever this says."""

_LEAST_MS = 0.001
"""A model that tells no costs shares by pages."""

_MEMORY_PAGES = 100
"""The mean follows a change of load or of documents within so many pages."""


class _Mean:
    def __init__(self) -> None:
        self.value = 0.0
        self._num = 0

    def add(self, value: float) -> None:
        self._num = min(_MEMORY_PAGES, self._num + 1)
        self.value += (value - self.value) / self._num


class PageCosts:
    """By the document's own pages where any was read, else by all documents'."""

    def __init__(self) -> None:
        self._all: _Mean | None = None
        self._by_document: dict[int, _Mean] = {}

    def learn(self, document: int, cost_ms: float) -> None:
        self._all = self._all or _Mean()
        self._all.add(cost_ms)
        self._by_document.setdefault(document, _Mean()).add(cost_ms)

    def estimate_ms(self, document: int) -> float:
        mean = self._by_document.get(document, self._all)
        return max(_LEAST_MS, mean.value) if mean else _FIRST_GUESS_MS

    def forget(self, document: int) -> None:
        self._by_document.pop(document, None)
