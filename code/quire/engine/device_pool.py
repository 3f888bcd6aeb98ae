"""The device workers: which are warm, which pages each holds, and who is to blame when one dies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from quire.engine.batch_watch import BatchTimes
from quire.engine.device_place import RESERVED_SEATS, Place
from quire.engine.documents import PageTask
from quire.engine.messages import (
    BatchBegan,
    BatchFailed,
    BatchRun,
    DeviceReady,
    DropPage,
    LimitBatch,
    ReadPage,
    ReadText,
)
from quire.engine.worker_port import Worker
from quire.words.json_lines import log_line

log = logging.getLogger("quire.engine")


class DevicePool:
    """One place for each device."""

    def __init__(
        self,
        spawn: Callable[[int], Worker],
        num_devices: int,
        *,
        stall_seconds: float,
        startup_seconds: float,
    ) -> None:
        self._spawn = spawn
        self._stall_seconds = stall_seconds
        self._startup_seconds = startup_seconds
        self._places = [Place(number) for number in range(num_devices)]
        self._place_of: dict[Worker, Place] = {}
        self._aboard: dict[int, Place] = {}
        self._times = BatchTimes(stall_seconds)
        self._ceilings: dict[tuple[str, int, int], LimitBatch] = {}
        self.reads_texts = self.can_be_asked = False

    # --- workers ---

    def check(self, now: float) -> None:
        """Starts missing workers; kills those that are late: their deaths are reported as any."""
        for place in self._places:
            if place.worker is None:
                if not place.is_given_up and now >= place.backoff.not_before:
                    self._start(place, now)
            elif self._late_at(place) <= now:
                place.is_ending = True
                log_line(log, logging.WARNING, "device worker stands still", device_number=place.number)
                place.worker.kill()

    def _start(self, place: Place, now: float) -> None:
        place.worker = self._spawn(place.number)
        place.progress_at = now
        self._place_of[place.worker] = place

    def next_wakeup(self) -> float | None:
        times = [
            place.backoff.not_before if place.worker is None else self._late_at(place)
            for place in self._places
            if not place.is_given_up
        ]
        return min((time for time in times if time < float("inf")), default=None)

    def _late_at(self, place: Place) -> float:
        return place.late_at(self._startup_seconds, self._stall_seconds)

    @property
    def is_ready(self) -> bool:
        return any(place.ready and not place.is_ending for place in self._places)

    @property
    def is_hopeless(self) -> bool:
        """Every place is given up."""
        return all(place.is_given_up for place in self._places)

    @property
    def pages_wanted(self) -> int:
        return sum(place.ready.pages_wanted for place in self._places if place.ready)

    def became_ready(self, worker: Worker, ready: DeviceReady, now: float) -> None:
        place = self._place_of[worker]
        place.ready, place.progress_at = ready, now
        self.reads_texts, self.can_be_asked = ready.reads_texts, ready.can_be_asked
        place.backoff.started()
        for ceiling in self._ceilings.values():
            worker.send(ceiling)

    def hung_up(self, worker: Worker) -> None:
        """It is about to end: nothing more boards it, and its death is still to be reported."""
        self._place_of[worker].is_ending = True

    def died(self, worker: Worker, now: float) -> list[PageTask]:
        """Forgets the worker; gives back the pages that it held. A place whose workers die and die
        without reading anything is given up: the others go on."""
        place = self._place_of.pop(worker)
        tasks = place.vacate(now)
        for task in tasks:
            del self._aboard[task.key]
        if place.backoff.is_hopeless and not place.is_given_up:
            place.is_given_up = True
            log_line(
                log,
                logging.ERROR,
                "a device is given up: its workers die and die, and read no page in between",
                device_number=place.number,
                num_deaths=place.backoff.num_deaths,
            )
        return tasks

    # --- batches ---

    def batch_began(self, worker: Worker, batch: BatchBegan, now: float) -> None:
        place = self._place_of[worker]
        place.progress_at = now
        place.batches.began(batch, self._times.allowed_seconds(batch), now)

    def batch_ran(self, worker: Worker, batch: BatchRun, now: float) -> None:
        place = self._place_of[worker]
        place.progress_at = now
        place.batches.ended(batch, now)
        self._times.learn(batch)

    def batch_failed(self, worker: Worker, batch: BatchFailed, now: float) -> None:
        self._place_of[worker].batches.ended(batch, now)

    def learnt(self, worker: Worker, ceiling: LimitBatch, now: float) -> None:
        """Remembers the lowest ceiling for the workers' successors."""
        self._place_of[worker].batches.moved(now)
        key = (ceiling.lane, ceiling.canvas_height, ceiling.canvas_width)
        known = self._ceilings.get(key, ceiling)
        self._ceilings[key] = min(known, ceiling, key=lambda each: each.max_items)

    # --- pages ---

    def roomiest(self, *, of_reserved_seats: bool) -> Place | None:
        """The place with the fewest pages that has a seat free."""
        least = -RESERVED_SEATS if of_reserved_seats else 0
        open_places = (place for place in self._places if place.is_open and place.num_seats > least)
        return _emptiest(open_places)

    def lone_place(self) -> Place | None:
        """The place for a page that must be alone, as soon as it is empty. One is kept for such pages and
        nothing more boards it; the others are filled as ever."""
        reserved = [place for place in self._places if place.is_reserved]
        place = reserved[0] if reserved else _emptiest(place for place in self._places if place.is_open)
        if place is None or place.is_ending:
            return None
        place.is_reserved = True
        return None if place.aboard else place

    def free_reserved(self) -> None:
        """No page waits to be alone any more; one that is alone now stays so."""
        for place in self._places:
            if place.is_reserved and not any(task.must_be_alone for task in place.aboard.values()):
                place.is_reserved = False

    def board(self, place: Place, task: PageTask, num_coming: int, now: float) -> None:
        if place.worker is None:
            raise RuntimeError("a place without a worker was boarded: this is a bug")
        if not place.aboard:
            place.progress_at = now
        place.aboard[task.key] = task
        self._aboard[task.key] = place
        place.worker.send(_boarding_pass(task, num_coming))

    def page_read(self, worker: Worker, key: int, now: float) -> PageTask | None:
        """As `page_left`, and the worker has shown that its place is sound."""
        self._place_of[worker].backoff.succeeded()
        return self.page_left(worker, key, now)

    def page_faulted(self, worker: Worker, key: int, now: float) -> PageTask | None:
        self._place_of[worker].batches.moved(now)
        return self.page_left(worker, key, now)

    def page_left(self, worker: Worker, key: int, now: float) -> PageTask | None:
        """The worker has answered for the page and no longer looks at its pixels."""
        task = self._place_of[worker].page_left(key, now)
        if task is not None:
            del self._aboard[key]
        return task

    def drop(self, task: PageTask) -> None:
        """Asks the worker that holds the page, if one does, to forget it."""
        place = self._aboard.get(task.key)
        if place is not None and place.worker is not None:
            place.worker.send(DropPage(page=task.key))

    def page_aboard(self, key: int) -> PageTask | None:
        place = self._aboard.get(key)
        return place.aboard[key] if place else None


def _boarding_pass(task: PageTask, num_coming: int) -> ReadPage | ReadText:
    document = task.document
    if task.is_text:
        return ReadText(
            page=task.key,
            path=document.submit.pages_path,
            document=document.number,
            deadline=document.deadline,
            num_coming=num_coming,
        )
    if task.size is None or task.span is None:
        raise RuntimeError("a page without pixels goes aboard: this is a bug")
    return ReadPage(
        page=task.key,
        offset=task.span.offset,
        width_px=task.size.width_px,
        height_px=task.size.height_px,
        document=document.number,
        deadline=document.deadline,
        num_coming=num_coming,
        asked=document.request.options.asked,
    )


def _emptiest(places: Iterable[Place]) -> Place | None:
    return min(places, key=lambda place: len(place.aboard), default=None)
