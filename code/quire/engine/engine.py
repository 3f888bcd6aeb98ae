"""The engine: every document in flight, every page of it, and what happens next. Pure but for the
workers and clients that it is given: time and events are passed in, and `step` acts on them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from itertools import count

from quire.engine.admission import grant_waiting
from quire.engine.arena import ArenaLedger
from quire.engine.boarding import ReadyPages
from quire.engine.device_place import Place
from quire.engine.device_pool import DevicePool
from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.messages import Accepted, EngineState, Failed, Finished, Submit
from quire.engine.orders import Order, Orders
from quire.engine.page_costs import PageCosts
from quire.engine.render_pool import RenderPool
from quire.engine.rendering_turns import RenderingTurns
from quire.engine.watchers import Client, Watchers, engine_state
from quire.words.errors import EngineLost, Fault, QuireError, ShuttingDown
from quire.words.json_lines import log_line
from quire.words.reading import ModelInfo, PageResult

log = logging.getLogger("quire.engine")


class Engine:
    """Its owner reports events through RenderEvents and DeviceEvents, and calls `step` after them.

    A document near its deadline is not favoured: beyond its fair share it would be served at the cost of
    others, who would then be late in their turn. At the deadline it gets what is done.
    """

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
        self.costs = PageCosts()
        self.orders = Orders()
        self.turns = RenderingTurns(self.costs)
        self.ready_pages = ReadyPages(self.costs)
        self.model: ModelInfo | None = None
        self.lost_reason = ""
        self._drain_seconds = drain_seconds
        self._drain_at: float | None = None
        self._numbers = count(1)
        self._watchers = Watchers()

    # --- clients ---

    def submit(self, client: Client, message: Submit, now: float) -> None:
        document = DocumentInFlight(next(self._numbers), message, now)
        self.orders.add(Order(document, client))
        client.send(Accepted())
        if self.lost_reason:
            self.refuse(document, EngineLost(self.lost_reason))
        elif self._drain_at is not None:
            self.refuse(document, ShuttingDown("the container is stopping"))
        else:
            self.turns.submitted(document)

    def watch(self, client: Client) -> None:
        self._watchers.join(client, self.state())

    def client_gone(self, client: Client) -> None:
        """Frees everything that was done for it."""
        self._watchers.leave(client)
        for order in self.orders.of_client(client):
            asked = order.document.request
            names = (asked.inference_id, asked.options.reference)
            log_line(log, logging.INFO, "caller gone", inference_id=names[0], reference=names[1])
            self._end(order.document, None)
            order.document.remove_results()

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
        return engine_state(self.devices.is_ready, self.lost_reason, self._drain_at is not None)

    def step(self, now: float) -> None:
        """Ends what is due, then gives idle workers work."""
        self._end_overdue(now)
        self.renderers.check(now)
        self.devices.check(now)
        self._give_up_if_hopeless(now)
        grant_waiting(self.renderers, self.arena, now)
        if self.model is not None:
            self._render(now)
            if self._board(now):
                self._render(now)
        self._watchers.tell(self.state())

    def next_wakeup(self) -> float | None:
        """When `step` must be called though nothing happened."""
        times = (
            self.orders.next_deadline,
            self._drain_at if self.orders else None,
            self.renderers.next_wakeup(),
            self.devices.next_wakeup(),
        )
        return min((time for time in times if time is not None), default=None)

    def _end_overdue(self, now: float) -> None:
        if self._drain_at is not None and self._drain_at <= now:
            for order in self.orders.values():
                self.refuse(order.document, ShuttingDown("the container stopped before the document ended"))
        for order in self.orders.overdue(now):
            self.answer(order.document, partial(order.document.outcome_at_deadline, now=now))

    def _give_up_if_hopeless(self, now: float) -> None:
        if self.devices.is_hopeless:
            self.give_up("the device workers die and die, and read no page in between", now)
        elif self.renderers.is_hopeless:
            self.give_up("the render worker died at every start", now)

    def give_up(self, reason: str, now: float) -> None:
        """No document can be read any more: each in flight is answered with what was read of it, and the
        owner ends the process for `lost_reason`."""
        if not self.lost_reason:
            self.lost_reason = reason
            for order in self.orders.values():
                outcome = order.document.outcome_cut_short
                self.answer(order.document, partial(outcome, now=now, error=EngineLost(reason)))

    # --- pages on their way ---

    def opened(self, document: DocumentInFlight, num_pages: int) -> None:
        """Its pages take their turns from now on. Raises what DocumentInFlight.opened does."""
        document.opened(num_pages, self.max_pages, can_be_asked=self.devices.can_be_asked)
        self.turns.opened(document)
        self.ready_pages.join(document)

    def _render(self, now: float) -> None:
        while self.renderers.has_idle_worker:
            job = self.turns.next(self._numbers, now, is_full=self._has_enough_ahead)
            if job is None:
                return
            self.renderers.assign(job)

    @property
    def _has_enough_ahead(self) -> bool:
        """Whether so many pages lie rendered and not yet aboard that no device waits."""
        num_ahead = len(self.ready_pages) + self.renderers.num_rendering
        return num_ahead >= 2 + self.devices.pages_wanted

    def _board(self, now: float) -> int:
        """A page that must be alone first: it keeps one device for itself. How many went aboard."""
        num_before = len(self.ready_pages)
        lone = self.ready_pages.first_lone
        if lone is None:
            self.devices.free_reserved()
        elif (place := self.devices.lone_place()) is not None:
            self._go_aboard(place, lone, now)
        for is_absent in (False, True):
            while (task := self.ready_pages.first(of_the_absent=is_absent)) is not None:
                seat = self.devices.roomiest(of_reserved_seats=is_absent)
                if seat is None:
                    break
                self._go_aboard(seat, task, now)
        return num_before - len(self.ready_pages)

    def _go_aboard(self, place: Place, task: PageTask, now: float) -> None:
        task.began_at = now
        self.ready_pages.boarded(task)
        num_coming = self.renderers.num_busy + len(self.ready_pages) + self.turns.num_coming
        self.devices.board(place, task, num_coming, now)

    # --- endings ---

    def page_ended(self, task: PageTask, result: PageResult, now: float) -> None:
        """Hands the result to the page's document, and answers when it was the last."""
        self.free_pixels(task)
        document = task.document
        if document.is_ended:
            return
        try:
            document.page_ended(task, result)
            text = document.start_text(next(self._numbers)) if self.devices.reads_texts else None
        except QuireError as error:
            self.refuse(document, error)
            return
        if text is not None:
            self.ready_pages.add(text)
            return
        if document.is_decided:
            self.answer(document, partial(document.outcome, now=now))
            return
        self.turns.page_ended(task)
        self.orders[document.number].tell_progress(now)

    def left_device(self, task: PageTask, cost_ms: float | None) -> None:
        """The page of a document in flight is aboard no more; `cost_ms` where it was read, which sets
        both clocks right."""
        if cost_ms is not None:
            self.costs.learn(task.document.number, cost_ms)
            self.turns.settle(task, cost_ms)
        self.ready_pages.left(task, cost_ms)

    def free_pixels(self, task: PageTask) -> None:
        if task.span is not None:
            self.arena.give_back(task.span)
            task.span = None

    def answer(self, document: DocumentInFlight, outcome: Callable[[ModelInfo], Finished | Failed]) -> None:
        """The document's one answer."""
        try:
            self._end(document, outcome(self.model or ModelInfo(name="", revision="")))
        except QuireError as error:
            self.refuse(document, error)

    def refuse(self, document: DocumentInFlight, error: QuireError) -> None:
        self._end(document, Failed(fault=Fault.of(error)))

    def _end(self, document: DocumentInFlight, answer: Finished | Failed | None) -> None:
        order = self.orders.remove(document.number)
        document.is_ended = True
        document.discard()
        self.turns.drop(document)
        self.costs.forget(document.number)
        for task in self.ready_pages.drop(document):
            self.free_pixels(task)
        for task in document.tasks.values():
            self.devices.drop(task)
        self.renderers.close_document(document)
        if answer is not None:
            order.client.send(answer)
