"""Inside a device worker: which items go over the device together, and when. Pure in time: `now` is
passed in, and what the pipeline reports is told.

A batch that fails is bisected until the culprit stands alone; out of memory halves the batch and lowers
the lane's ceiling for that canvas. Only the culprit's page fails. Halves run before anything new, and
with nothing beside them in the pipeline.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from quire.engine.batch_cost import BatchCosts
from quire.engine.batch_pipeline import (
    BatchEnded,
    BatchFailure,
    BatchJob,
    BatchPipeline,
    BatchReport,
    BatchStarted,
)
from quire.engine.batch_policy import Batch, Kind, next_batch
from quire.engine.ceilings import Ceilings
from quire.engine.device_shares import DeviceShares
from quire.engine.gathering import Gathering, Outlook
from quire.engine.messages import (
    BatchBegan,
    BatchFailed,
    BatchRun,
    FromDevice,
    LimitBatch,
    PageDropped,
    PageFaulted,
    ReadPage,
    ReadText,
)
from quire.engine.open_pages import ItemPlace, OpenPages
from quire.engine.port import PageModel, Pixels, Texts

_MOST_IN_PIPELINE = 3
"""One whose outputs are read, one on the device, one behind it."""

_EARLY_SHARE = 0.1
"""Of its expected time: so much earlier a batch is taken to end, since a device that idles costs more
than a batch that is formed early."""


@dataclass(eq=False)
class _Flight:
    """A batch that is, or is to be, in the pipeline."""

    kind: Kind
    places: list[ItemPlace]
    started_at: float | None = None

    @property
    def described(self) -> dict[str, Any]:
        """What all messages about a batch have in common."""
        lane, canvas = self.kind
        size = {"canvas_height": canvas.height, "canvas_width": canvas.width}
        return {"lane": lane, **size, "num_items": len(self.places)}


class LaneScheduler:
    """`emit` takes the messages for the engine. Tell it of every message and report, then call `step`;
    and call it again at `next_wakeup`."""

    def __init__(self, model: PageModel, emit: Callable[[FromDevice], None], pipeline: BatchPipeline) -> None:
        self._first_lane = next(iter(model.lanes))
        self._emit = emit
        self._pipeline = pipeline
        self._shares = DeviceShares()
        self._pages = OpenPages(model, self._shares, emit)
        self._flights: dict[int, _Flight] = {}
        self._halves: deque[_Flight] = deque()
        self._ceilings = Ceilings(model.lanes)
        self._costs = BatchCosts()
        self._pre_costs = BatchCosts()
        self._gathering = Gathering()
        self._numbers = count()
        self._due_at = math.inf

    @property
    def is_idle(self) -> bool:
        """No page is here, and none that is gone is still looked at."""
        return not self._pages and not self._flights

    # --- the engine's messages ---

    def add(self, message: ReadPage | ReadText, source: Pixels | Texts, now: float) -> None:
        self._gathering.page_came(len(self._pages) + 1, message.num_coming, now)
        self._pages.open(message, source, now)

    def drop(self, key: int) -> None:
        """Forgets the page, if it is here. It is answered once nothing looks at its pixels."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.dismiss(page, PageDropped(page=key))

    def limit(self, ceiling: LimitBatch) -> None:
        self._ceilings.take(ceiling)

    # --- forming batches ---

    def next_wakeup(self) -> float | None:
        """When `step` must be called though nothing happened."""
        return self._due_at if math.isfinite(self._due_at) else None

    def step(self, now: float) -> None:
        """Starts a batch, where it is time for one."""
        self._due_at = math.inf
        flights = self._flights.values()
        self._drop_unwanted_halves()
        if self._halves:
            if not flights:
                self._start(self._halves.popleft())
        elif len(flights) < _MOST_IN_PIPELINE and all(flight.started_at is not None for flight in flights):
            self._form(now)

    def _drop_unwanted_halves(self) -> None:
        """Of pages that were answered meanwhile: their pixels are gone."""
        for half in self._halves:
            half.places = [place for place in half.places if place.page.is_wanted]
        while self._halves and not self._halves[0].places:
            self._halves.popleft()

    def _form(self, now: float) -> None:
        waiting = self._pages.waiting
        batch = next_batch(waiting, self._ceilings.max_items, self._shares.service, now, self._company)
        if batch is None or self._is_kept_for_favoured(batch) or self._is_kept_for_company(batch):
            return
        self._due_at = self._gathering.due_at(self._outlook(batch))
        if self._due_at <= now:
            self._due_at = math.inf
            self._start(_Flight(batch.kind, [self._pages.take(item) for item in batch.items]))

    def _is_kept_for_favoured(self, batch: Batch) -> bool:
        """Whether an owner that is favoured will want the device as soon as its batch there has ended."""
        if not self._flights or any(self._shares.is_favoured(item.owner) for item in batch.items):
            return False
        places = (place for flight in self._flights.values() for place in flight.places)
        return any(self._shares.is_favoured(place.page.owner) for place in places)

    def _is_kept_for_company(self, batch: Batch) -> bool:
        """Whether what is under way will bring items that belong with these: formed now, the two would
        take turns ever after."""
        return batch.items[0].is_step and not batch.is_full and bool(self._flights)

    def _company(self, kind: Kind, num_own: int) -> int:
        """Others' items may add a quarter to an owner's batch, or what the batch costs in any case."""
        spare = min(self._costs.fixed_items(*kind), self._ceilings.max_items(*kind))
        return num_own + max(num_own // 4, int(spare))

    def _outlook(self, batch: Batch) -> Outlook:
        """Pages on their way come to the first lane; while a later one has work, nobody waits for them."""
        return Outlook(
            is_full=batch.is_full,
            may_gather=all(lane == self._first_lane for lane, _ in self._pages.waiting.kinds),
            oldest_since=min(item.since for item in batch.items),
            fixed_seconds=self._costs.fixed_seconds(*batch.kind),
            pre_seconds=self._pre_costs.seconds(*batch.kind, len(batch.items)) or 0.0,
            busy_until=self._busy_until(),
        )

    def _busy_until(self) -> float | None:
        flight = next(reversed(self._flights.values()), None)
        if flight is None:
            return None
        expected = self._costs.seconds(*flight.kind, len(flight.places))
        if expected is None or flight.started_at is None:
            return -math.inf
        return flight.started_at + (1 - _EARLY_SHARE) * expected

    def _start(self, flight: _Flight) -> None:
        most = self._ceilings.max_items(*flight.kind)
        if len(flight.places) > most:
            self._halves.appendleft(_Flight(flight.kind, flight.places[most:]))
            flight.places = flight.places[:most]
        number = next(self._numbers)
        self._flights[number] = flight
        self._pages.enter_pipeline(flight.places)
        payloads = tuple(place.payload for place in flight.places)
        self._pipeline.start(BatchJob(number, *flight.kind, payloads))

    # --- the pipeline's reports ---

    def report(self, report: BatchReport, now: float) -> None:
        if isinstance(report, BatchStarted):
            self.started(report.number, now)
        else:
            self.ended(report, now)

    def started(self, number: int, now: float) -> None:
        flight = self._flights[number]
        flight.started_at = now
        self._emit(BatchBegan(**flight.described))

    def ended(self, ended: BatchEnded, now: float) -> None:
        """Delivers the outputs, or bisects the batch."""
        flight = self._flights.pop(ended.number)
        if not self._flights:
            self._gathering.device_is_idle(now)
        num_pages = len(self._pages)
        if isinstance(ended.outputs, BatchFailure):
            self._recover(flight, ended.outputs)
        else:
            self._account(flight, ended)
            for place, output in zip(flight.places, ended.outputs, strict=True):
                self._pages.deliver(place, output, now)
        self._pages.leave_pipeline(flight.places)
        if len(self._pages) < num_pages:
            self._gathering.page_answered(now)

    def _recover(self, flight: _Flight, failure: BatchFailure) -> None:
        num_items = len(flight.places)
        if flight.started_at is not None:
            self._emit(BatchFailed(**flight.described))
        if failure.is_out_of_memory and num_items > 1:
            self._emit(self._ceilings.lower(flight.kind, num_items // 2))
        wanted = [place for place in flight.places if place.page.is_wanted]
        if num_items > 1:
            middle = len(wanted) // 2
            self._halves.appendleft(_Flight(flight.kind, wanted[middle:]))
            self._halves.appendleft(_Flight(flight.kind, wanted[:middle]))
        elif wanted:
            page = wanted[0].page
            self._pages.dismiss(page, PageFaulted(page=page.key, reason=failure.reason))

    def _account(self, flight: _Flight, ended: BatchEnded) -> None:
        """What the batch has cost, and whom."""
        places, kind = flight.places, flight.kind
        self._costs.learn(*kind, len(places), ended.device_seconds)
        self._pre_costs.learn(*kind, len(places), ended.pre_seconds)
        self._shares.charge(Counter(place.page.owner for place in places), ended.device_seconds)
        for place in places:
            place.page.device_seconds += ended.device_seconds / len(places)
        self._emit(
            BatchRun(
                **flight.described,
                pages=tuple(dict.fromkeys(place.page.key for place in places)),
                milliseconds=ended.device_seconds * 1000,
            )
        )
