"""Whose turn it is: the document that was served least since it came, by cost.

Start-time fair queueing (Goyal, Vin and Cheng 1996) in its plainest form: a newcomer starts level with
the document that was chosen last, so that it neither waits for the others' past nor is owed for its own
absence.
"""

from __future__ import annotations

from collections.abc import Iterable


class FairShares:
    """Served cost by owner. Owners are documents' numbers."""

    def __init__(self) -> None:
        self._served: dict[int, float] = {}
        self._level = 0.0

    def join(self, owner: int) -> None:
        self._served[owner] = self._level

    def leave(self, owner: int) -> None:
        self._served.pop(owner, None)

    def charge(self, owner: int, cost: float) -> None:
        if owner in self._served:
            self._served[owner] += cost

    def next(self, owners: Iterable[int]) -> int | None:
        """The least served of `owners`; of equals, the one that came first."""
        chosen = min(owners, key=lambda owner: (self._served[owner], owner), default=None)
        if chosen is not None:
            self._level = self._served[chosen]
        return chosen
