"""Which rendered page boards a device next: the least served document's, not the first that came."""

from __future__ import annotations

from collections import Counter, deque

from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.fair_shares import FairShares
from quire.engine.page_costs import PageCosts


class ReadyPages:
    """Rendered pages that wait for a device, by document, and a clock of what each document had of the
    devices. Pages that must be alone wait in a line of their own, first come first served."""

    def __init__(self, costs: PageCosts) -> None:
        self._costs = costs
        self._shares = FairShares()
        self._all = self._shares.line()
        self._absent = self._shares.line()
        self._by_document: dict[int, deque[PageTask]] = {}
        self._lone: deque[PageTask] = deque()
        self._num_aboard: Counter[int] = Counter()
        self._num_ready = 0

    def __len__(self) -> int:
        return self._num_ready

    def join(self, document: DocumentInFlight) -> None:
        self._shares.join(document.number)

    def add(self, task: PageTask) -> None:
        self._num_ready += 1
        task.is_ready = True
        if task.must_be_alone:
            self._lone.append(task)
            return
        number = task.document.number
        waiting = self._by_document.setdefault(number, deque())
        waiting.append(task)
        if len(waiting) == 1:
            self._join_lines(number)

    def _join_lines(self, number: int) -> None:
        self._shares.resume(number)
        self._all.add(number)
        if not self._num_aboard[number]:
            self._absent.add(number)

    @property
    def first_lone(self) -> PageTask | None:
        while self._lone and not self._lone[0].is_ready:
            self._lone.popleft()
        return self._lone[0] if self._lone else None

    def first(self, *, of_the_absent: bool) -> PageTask | None:
        """The page whose turn it is; `of_the_absent`: among documents that have no page aboard."""
        number = (self._absent if of_the_absent else self._all).first()
        return None if number is None else self._by_document[number][0]

    def boarded(self, task: PageTask) -> None:
        """The first of its line has gone aboard: its document is charged what it will probably cost."""
        number = task.document.number
        self._num_ready -= 1
        self._num_aboard[number] += 1
        self._absent.discard(number)
        task.is_ready = False
        if task.must_be_alone:
            self._lone.popleft()
        else:
            self._by_document[number].popleft()
            self._forget_if_empty(number)
        task.boarding_charge_ms = self._costs.estimate_ms(number)
        self._shares.charge(number, task.boarding_charge_ms)

    def _forget_if_empty(self, number: int) -> None:
        if not self._by_document[number]:
            del self._by_document[number]
            self._all.discard(number)

    def left(self, task: PageTask, cost_ms: float | None = None) -> None:
        """The page is aboard no more. It cost so much; None: it was not read, and its charge stands."""
        number = task.document.number
        self._num_aboard[number] -= 1
        if cost_ms is not None:
            self._shares.settle(number, cost_ms - task.boarding_charge_ms)
        if not self._num_aboard[number] and number in self._by_document:
            self._absent.add(number)

    def drop(self, document: DocumentInFlight) -> list[PageTask]:
        """The document has ended: gives back those of its pages that waited here."""
        number = document.number
        dropped = [task for task in document.tasks.values() if task.is_ready]
        for task in dropped:
            task.is_ready = False
        self._num_ready -= len(dropped)
        self._by_document.pop(number, None)
        self._num_aboard.pop(number, None)
        self._shares.leave(number)
        return dropped
