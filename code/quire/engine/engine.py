"""The engine: every document in flight, every page of it, and what happens next. Pure but for the
workers and clients that it is given: time and events are passed in, and `step` acts on them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from quire.engine.arena import ArenaLedger
from quire.engine.device_pool import DevicePool
from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.fair_shares import FairShares
from quire.engine.messages import Accepted, EngineState, Failed, Finished, Progress, Submit
from quire.engine.render_pool import RenderJob, RenderPool
from quire.engine.watchers import Client, Watchers
from quire.words.errors import Fault, QuireError, ShuttingDown
from quire.words.json_lines import log_line
from quire.words.reading import ModelInfo, PageResult

log = logging.getLogger("quire.engine")


@dataclass(eq=False)
class _Order:
    """A document and who waits for it."""

    document: DocumentInFlight
    client: Client


class Engine:
    """Its owner reports events through RenderEvents and DeviceEvents, and calls `step` after them."""

    def __init__(
        self,
        *,
        renderers: RenderPool,
        devices: DevicePool,
        arena: ArenaLedger,
        drain_seconds: float,
        max_pages: int,
    ) -> None:
        self.max_pages = max_pages
        self.renderers = renderers
        self.devices = devices
        self.arena = arena
        self.orders: dict[int, _Order] = {}
        self.unopened: list[DocumentInFlight] = []
        self.ready_pages: dict[int, PageTask] = {}
        self.retried_pages: list[PageTask] = []
        self.model: ModelInfo | None = None
        self._drain_seconds = drain_seconds
        self._drain_at: float | None = None
        self._shares = FairShares()
        self._numbers = count(1)
        self._watchers = Watchers()

    # --- clients ---

    def submit(self, client: Client, message: Submit, now: float) -> None:
        document = DocumentInFlight(next(self._numbers), message, now)
        self.orders[document.number] = _Order(document, client)
        client.send(Accepted())
        if self._drain_at is not None:
            self._refuse(document, ShuttingDown("the container is stopping"))
            return
        self.unopened.append(document)

    def watch(self, client: Client) -> None:
        self._watchers.join(client, self.state())

    def client_gone(self, client: Client) -> None:
        """Frees everything that was done for it."""
        self._watchers.leave(client)
        for order in [order for order in self.orders.values() if order.client is client]:
            log_line(log, logging.INFO, "caller gone", **_names(order.document))
            self._end(order.document, None)

    # --- the whole ---

    @property
    def is_drained(self) -> bool:
        return self._drain_at is not None and not self.orders

    def drain(self, now: float) -> None:
        """Takes no new document; ends those in flight, or refuses them when their time is up."""
        if self._drain_at is None:
            self._drain_at = now + self._drain_seconds
            log_line(log, logging.INFO, "draining", documents=len(self.orders))

    def state(self) -> EngineState:
        reason = "" if self.devices.is_ready else "no device worker is ready"
        if self._drain_at is not None:
            reason = "the container is stopping"
        return EngineState(
            is_ready=self.devices.is_ready, is_draining=self._drain_at is not None, reason=reason
        )

    def step(self, now: float) -> None:
        """Ends what is due, then gives idle workers work."""
        self._end_overdue(now)
        self.renderers.check(now)
        self.devices.check(now)
        self._grant_arena(now)
        if self.model is not None:
            self._render(now)
            self._read(now)
        self._watchers.tell(self.state())

    def next_wakeup(self) -> float | None:
        """When `step` must be called though nothing happened."""
        times = [order.document.deadline for order in self.orders.values()]
        times += [] if self._drain_at is None or not self.orders else [self._drain_at]
        times += [
            time for time in (self.renderers.next_wakeup(), self.devices.next_wakeup()) if time is not None
        ]
        return min(times, default=None)

    def _end_overdue(self, now: float) -> None:
        if self._drain_at is not None and self._drain_at <= now:
            for order in list(self.orders.values()):
                self._refuse(order.document, ShuttingDown("the container stopped before the document ended"))
        for order in list(self.orders.values()):
            if order.document.deadline <= now:
                self.answer(order.document, partial(order.document.outcome_at_deadline, now=now))

    # --- pages on their way ---

    def opened(self, document: DocumentInFlight, num_pages: int) -> None:
        """Its pages take their turns from now on. Raises what DocumentInFlight.opened does."""
        document.opened(num_pages, self.max_pages)
        self._shares.join(document.number)

    def _render(self, now: float) -> None:
        for worker in list(self.renderers.idle_workers):
            job = self._next_job(now)
            if job is None:
                return
            self.renderers.assign(worker, job)

    def _next_job(self, now: float) -> RenderJob | None:
        if self.unopened:
            document = self.unopened.pop(0)
            document.queued_ms = (now - document.received_at) * 1000
            return RenderJob(next(self._numbers), document, None, now)
        if len(self.ready_pages) + self.renderers.num_rendering >= self._pages_ahead:
            return None
        task = self.retried_pages.pop(0) if self.retried_pages else self._next_page()
        return None if task is None else RenderJob(next(self._numbers), task.document, task, now)

    @property
    def _pages_ahead(self) -> int:
        """How many pages may lie rendered and not yet aboard: enough that no device waits."""
        return 2 + self.devices.pages_wanted

    def _next_page(self) -> PageTask | None:
        waiting = (number for number, order in self.orders.items() if order.document.has_unstarted_page)
        number = self._shares.next(waiting)
        if number is None:
            return None
        self._shares.charge(number, 1.0)
        return self.orders[number].document.start_page(next(self._numbers))

    def _grant_arena(self, now: float) -> None:
        queue = self.renderers.waiting_for_arena
        while queue:
            worker, job = queue[0]
            if not job.is_wanted:
                queue.popleft()
                self.renderers.refuse(worker, job)
                continue
            if job.task is None or job.task.size is None:
                raise RuntimeError("a job without a page waits for the arena: this is a bug")
            span = self.arena.take(job.task.size.num_bytes)
            if span is None:
                return
            queue.popleft()
            job.task.span = span
            self.renderers.grant(worker, job, span.offset, now)

    def _read(self, now: float) -> None:
        """Lone pages first: nothing joins a device while one waits for it to be empty."""
        alone = [task for task in self.ready_pages.values() if task.must_be_alone]
        for task in alone or list(self.ready_pages.values()):
            if not self.devices.place_page(task, now):
                return
            task.began_at = now
            del self.ready_pages[task.key]

    # --- endings ---

    def page_ended(self, task: PageTask, result: PageResult, now: float) -> None:
        """Hands the result to the page's document, and answers when it was the last."""
        self.free_pixels(task)
        document = task.document
        if document.is_ended:
            return
        try:
            document.page_ended(task, result)
        except QuireError as error:
            self._refuse(document, error)
            return
        if document.is_decided:
            self.answer(document, partial(document.outcome, now=now))
        else:
            order = self.orders[document.number]
            order.client.send(Progress(pages_done=document.pages_done, pages_total=document.pages_total))

    def free_pixels(self, task: PageTask) -> None:
        if task.span is not None:
            self.arena.give_back(task.span)
            task.span = None

    def answer(self, document: DocumentInFlight, outcome: Callable[[ModelInfo], Finished | Failed]) -> None:
        """The document's one answer."""
        try:
            self._end(document, outcome(self.model or ModelInfo(name="", revision="")))
        except QuireError as error:
            self._refuse(document, error)

    def _refuse(self, document: DocumentInFlight, error: QuireError) -> None:
        self._end(document, Failed(fault=Fault.of(error)))

    def _end(self, document: DocumentInFlight, answer: Finished | Failed | None) -> None:
        order = self.orders.pop(document.number)
        document.is_ended = True
        document.discard()
        self._shares.leave(document.number)
        self.unopened = [other for other in self.unopened if other is not document]
        self.retried_pages = [task for task in self.retried_pages if task.document is not document]
        for task in document.tasks.values():
            if self.ready_pages.pop(task.key, None):
                self.free_pixels(task)
            else:
                self.devices.drop(task)
        self.renderers.close_document(document)
        if answer is not None:
            order.client.send(answer)


def _names(document: DocumentInFlight) -> dict[str, Any]:
    request = document.request
    return {"inference_id": request.inference_id, "reference": request.options.reference}
