"""Whose turn it is: the document that was served least since it came, by cost.

Start-time fair queueing (Goyal, Vin and Cheng 1996) in its plainest form: a newcomer starts level with
the document that was served last, so that it neither waits for the others' past nor is owed for its own
absence. That level also rises with all work, by what one owner more would get of it, so that no stream of
newcomers holds an older document up for ever. Every step costs the logarithm of the owners' number.
"""

from __future__ import annotations

import heapq

_MIN_SWEPT = 64
"""Entries of a line below which sweeping out stale ones is not worth it."""


class FairShares:
    """Served cost by owner. Owners are documents' numbers."""

    def __init__(self) -> None:
        self._served: dict[int, float] = {}
        self._level = 0.0
        self._lines: list[Line] = []

    def line(self) -> Line:
        """A new line of owners who want to be served by this clock."""
        self._lines.append(Line(self._served))
        return self._lines[-1]

    def join(self, owner: int) -> None:
        self._served[owner] = self._level

    def leave(self, owner: int) -> None:
        self._served.pop(owner, None)
        for line in self._lines:
            line.discard(owner)

    def resume(self, owner: int) -> None:
        """The owner wanted nothing for a while: it is not owed what the others got meanwhile."""
        if owner in self._served:
            self._move(owner, max(self._level, self._served[owner]))

    def charge(self, owner: int, cost: float) -> None:
        """The owner is served now, at this cost."""
        if owner in self._served:
            rise = cost / (len(self._served) + 1)
            self._level = max(self._level + rise, self._served[owner])
            self._move(owner, self._served[owner] + cost)

    def settle(self, owner: int, difference: float) -> None:
        """What it was charged was too little by so much; too much where it is below nought."""
        if owner in self._served:
            self._move(owner, self._served[owner] + difference)

    def _move(self, owner: int, served: float) -> None:
        self._served[owner] = served
        for line in self._lines:
            line.moved(owner)


class Line:
    """Those who wait, the least served first; of equals, the one that came first."""

    def __init__(self, served: dict[int, float]) -> None:
        self._served = served
        self._waiting: set[int] = set()
        self._heap: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, owner: int) -> None:
        if owner not in self._waiting:
            self._waiting.add(owner)
            self.moved(owner)

    def discard(self, owner: int) -> None:
        self._waiting.discard(owner)

    def moved(self, owner: int) -> None:
        """Entries are never changed: the old one is stale from now on."""
        if owner in self._waiting:
            heapq.heappush(self._heap, (self._served[owner], owner))
            if len(self._heap) > max(_MIN_SWEPT, 2 * len(self._waiting)):
                self._heap = [(self._served[each], each) for each in self._waiting]
                heapq.heapify(self._heap)

    def first(self) -> int | None:
        while self._heap:
            served, owner = self._heap[0]
            if owner in self._waiting and self._served[owner] == served:
                return owner
            heapq.heappop(self._heap)
        return None
