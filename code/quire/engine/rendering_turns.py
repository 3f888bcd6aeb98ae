"""What the render workers do next: open a document, draw a page once more, or draw a new page."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.fair_shares import FairShares
from quire.engine.page_costs import PageCosts
from quire.engine.render_pool import RenderJob

_MAX_FOR_NEWCOMERS_IN_A_ROW = 8
"""A newcomer is opened, and its first page drawn, before others' pages: alone it would not wait either. But
a flood of newcomers does not stop those who came before."""


class RenderingTurns:
    """Documents that are not yet opened, pages to draw again, and a clock of what each document was
    drawn for: its pages' cost on the device, which is what they are drawn for. A page that never comes to
    a device, for its text layer or a fault, counts as one that did."""

    def __init__(self, costs: PageCosts) -> None:
        self._costs = costs
        self._shares = FairShares()
        self._all = self._shares.line()
        self._absent = self._shares.line()
        self._unopened: OrderedDict[int, DocumentInFlight] = OrderedDict()
        self._retried: deque[PageTask] = deque()
        self._fresh: OrderedDict[int, DocumentInFlight] = OrderedDict()
        self._documents: dict[int, DocumentInFlight] = {}
        self._num_for_newcomers_in_a_row = 0

    @property
    def num_coming(self) -> int:
        """Documents that are not open yet, or of which nothing is on its way though something could be."""
        return len(self._unopened) + len(self._absent)

    def submitted(self, document: DocumentInFlight) -> None:
        """Also for a document whose opening is tried again."""
        self._unopened[document.number] = document

    def opened(self, document: DocumentInFlight) -> None:
        """Its pages take their turns from now on."""
        self._documents[document.number] = self._fresh[document.number] = document
        self._shares.join(document.number)
        self._wants(document)

    def retry(self, task: PageTask) -> None:
        self._retried.append(task)

    def next(self, numbers: Iterator[int], now: float, *, is_full: bool) -> RenderJob | None:
        """`is_full`: enough lie drawn, and only a document of which none does may have one more.
        `numbers` names jobs and pages."""
        if self._num_for_newcomers_in_a_row < _MAX_FOR_NEWCOMERS_IN_A_ROW:
            job = self._for_newcomer(numbers, now) or self._in_turn(numbers, now, is_full)
        else:
            self._num_for_newcomers_in_a_row = 0
            job = self._in_turn(numbers, now, is_full) or self._for_newcomer(numbers, now)
        return job

    def _for_newcomer(self, numbers: Iterator[int], now: float) -> RenderJob | None:
        self._num_for_newcomers_in_a_row += 1
        if self._fresh:
            return self._start(next(iter(self._fresh)), numbers, now)
        if not self._unopened:
            self._num_for_newcomers_in_a_row = 0
            return None
        document = self._unopened.popitem(last=False)[1]
        document.queued_ms = (now - document.received_at) * 1000
        return RenderJob(next(numbers), document, None, now)

    def _in_turn(self, numbers: Iterator[int], now: float, is_full: bool) -> RenderJob | None:
        while self._retried and not is_full:
            task = self._retried.popleft()
            if task.is_wanted:
                return RenderJob(next(numbers), task.document, task, now)
        number = (self._absent if is_full else self._all).first()
        return None if number is None else self._start(number, numbers, now)

    def _start(self, number: int, numbers: Iterator[int], now: float) -> RenderJob:
        task = self.start_page(self._documents[number], next(numbers))
        return RenderJob(next(numbers), task.document, task, now)

    def start_page(self, document: DocumentInFlight, key: int) -> PageTask:
        """Its next page, which is called `key`, is being drawn from now on."""
        number = document.number
        task = document.start_page(key)
        self._fresh.pop(number, None)
        self._absent.discard(number)
        if not document.has_unstarted_page:
            self._all.discard(number)
        task.rendering_charge_ms = self._costs.estimate_ms(number)
        self._shares.charge(number, task.rendering_charge_ms)
        return task

    def settle(self, task: PageTask, cost_ms: float) -> None:
        """The page was read, at this cost."""
        self._shares.settle(task.document.number, cost_ms - task.rendering_charge_ms)

    def page_ended(self, task: PageTask) -> None:
        """Perhaps nothing of its document is on its way any more."""
        self._wants(task.document)

    def _wants(self, document: DocumentInFlight) -> None:
        if document.has_unstarted_page:
            self._all.add(document.number)
            if not document.tasks:
                self._absent.add(document.number)

    def drop(self, document: DocumentInFlight) -> None:
        """The document has ended."""
        self._unopened.pop(document.number, None)
        self._fresh.pop(document.number, None)
        self._documents.pop(document.number, None)
        self._shares.leave(document.number)
