"""How much of the device has each document had, as against the others whose pages are here?

The level rises as fast as an owner with its fair share is served (the virtual time of fair queueing,
Demers, Keshav and Shenker 1989). A newcomer joins at that level, so that it neither waits for the others'
past nor is owed for its own absence; since the level rises with all work, no stream of newcomers holds an
older document up for ever. Where a long document is here, a newcomer stands a little ahead of the level
and its first page counts a quarter: a document of one page passes, and the long one hardly notices.
"""

from __future__ import annotations

from collections import Counter

from quire.engine.batch_policy import Service

_NEWEST_SHARE = 0.1
"""What the newest batch counts in the typical one's cost."""

_CREDIT_BATCHES = 2.0
"""Typical batches by which a newcomer stands ahead of the level: enough to be next."""

_FIRST_PAGE_WEIGHT = 0.25
"""What a second on the device counts for an owner that has not had a page's worth of them."""

_LONG_PAGES = 1.5
"""A document that has had so many pages' worth, while it was here, is a long one."""


class DeviceShares:
    """Owners are documents' numbers; one is present while a page of it is."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._had: dict[int, float] = {}
        self._all_seconds = 0.0
        self._pages_gone = 0
        self._num_pages: Counter[int] = Counter()
        self._level = 0.0
        self._typical_seconds = 0.0

    @property
    def service(self) -> Service:
        return Service(self._seconds, self._typical_seconds, self._is_any_long)

    @property
    def _is_any_long(self) -> bool:
        return max(self._had.values(), default=0.0) > _LONG_PAGES * self._page_seconds

    @property
    def _page_seconds(self) -> float:
        return self._all_seconds / max(1, self._pages_gone)

    def is_favoured(self, owner: int) -> bool:
        """Whether it is at its first page, beside a long document."""
        return self._had.get(owner, 0.0) < self._page_seconds and self._is_any_long

    def page_came(self, owner: int) -> None:
        if not self._num_pages[owner]:
            present = self._seconds.values()
            credit = _CREDIT_BATCHES * self._typical_seconds if self._is_any_long else 0.0
            level = max(self._level, min(present, default=0.0)) - credit
            self._seconds[owner] = min(level, max(present, default=self._level))
            self._had[owner] = 0.0
        self._num_pages[owner] += 1

    def page_left(self, owner: int) -> None:
        self._pages_gone += 1
        self._num_pages[owner] -= 1
        if not self._num_pages[owner]:
            del self._num_pages[owner], self._seconds[owner], self._had[owner]

    def charge(self, owners: Counter[int], seconds: float) -> None:
        """A batch took so long, with so many items of each owner."""
        num_items = owners.total()
        self._all_seconds += seconds
        for owner, share in owners.items():
            if owner in self._seconds:
                self._charge_owner(owner, seconds * share / num_items)
        self._level += seconds / max(1, len(self._seconds))
        step = _NEWEST_SHARE if self._typical_seconds else 1.0
        self._typical_seconds += step * (seconds - self._typical_seconds)

    def _charge_owner(self, owner: int, seconds: float) -> None:
        weight = _FIRST_PAGE_WEIGHT if self.is_favoured(owner) else 1.0
        self._had[owner] += seconds
        self._seconds[owner] += weight * seconds
