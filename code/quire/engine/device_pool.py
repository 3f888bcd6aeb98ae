"""The device workers: which are warm, which pages each holds, and who is to blame when one dies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from quire.engine.backoff import MAX_DEATHS_BEFORE_READY, Backoff
from quire.engine.documents import PageTask
from quire.engine.messages import DeviceReady, DropPage, LimitBatch, ReadPage
from quire.engine.worker_port import Worker


@dataclass(eq=False)
class _Place:
    """One device and the worker that has it now."""

    backoff: Backoff = field(default_factory=Backoff)
    worker: Worker | None = None
    ready: DeviceReady | None = None
    progress_at: float = 0.0
    is_killed: bool = False
    aboard: dict[int, PageTask] = field(default_factory=dict)

    @property
    def has_lone_page(self) -> bool:
        return any(task.must_be_alone for task in self.aboard.values())

    @property
    def has_room(self) -> bool:
        return self.ready is not None and not self.is_killed and len(self.aboard) < self.ready.pages_wanted


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
        self._places = [_Place() for _ in range(num_devices)]
        self._ceilings: dict[tuple[str, int, int], LimitBatch] = {}

    def check(self, now: float) -> None:
        """Starts missing workers; kills those that report nothing for too long."""
        for device, place in enumerate(self._places):
            if place.worker is None and now >= place.backoff.not_before:
                place.worker = self._spawn(device)
                place.progress_at = now
            elif place.worker and not place.is_killed and self._stalled_at(place) <= now:
                place.is_killed = True
                place.worker.kill()

    def next_wakeup(self) -> float | None:
        times = [place.backoff.not_before for place in self._places if place.worker is None]
        times += [self._stalled_at(place) for place in self._places if place.worker and not place.is_killed]
        return min((time for time in times if time < float("inf")), default=None)

    def _stalled_at(self, place: _Place) -> float:
        if place.ready is None:
            return place.progress_at + self._startup_seconds
        return place.progress_at + self._stall_seconds if place.aboard else float("inf")

    @property
    def is_ready(self) -> bool:
        return any(place.ready for place in self._places)

    @property
    def is_hopeless(self) -> bool:
        """No device has ever come up since, however often its worker was started."""
        return all(place.backoff.num_deaths >= MAX_DEATHS_BEFORE_READY for place in self._places)

    @property
    def pages_wanted(self) -> int:
        return sum(place.ready.pages_wanted for place in self._places if place.ready)

    def became_ready(self, worker: Worker, ready: DeviceReady, now: float) -> None:
        place = self._place_of(worker)
        place.ready, place.progress_at = ready, now
        place.backoff.succeeded()
        for ceiling in self._ceilings.values():
            worker.send(ceiling)

    def progressed(self, worker: Worker, now: float) -> None:
        self._place_of(worker).progress_at = now

    def learnt(self, ceiling: LimitBatch) -> None:
        """Remembers the lowest ceiling for the workers' successors."""
        key = (ceiling.lane, ceiling.canvas_height, ceiling.canvas_width)
        known = self._ceilings.get(key, ceiling)
        self._ceilings[key] = min(known, ceiling, key=lambda each: each.max_items)

    def place_page(self, task: PageTask, now: float) -> bool:
        """Hands the page to the least loaded worker that may have it; False when there is none.
        A page that must be alone goes aboard an empty worker, and nothing joins it there."""
        open_places = [place for place in self._places if place.has_room and not place.has_lone_page]
        place = min(open_places, key=lambda place: len(place.aboard), default=None)
        if place is None or place.worker is None or (task.must_be_alone and place.aboard):
            return False
        if task.size is None or task.span is None:
            raise RuntimeError("a page without pixels cannot be read: this is a bug")
        if not place.aboard:
            place.progress_at = now
        place.aboard[task.key] = task
        place.worker.send(
            ReadPage(
                page=task.key,
                offset=task.span.offset,
                width_px=task.size.width_px,
                height_px=task.size.height_px,
                document=task.document.number,
                deadline=task.document.deadline,
                num_coming=0,
            )
        )
        return True

    def page_left(self, worker: Worker, key: int, now: float) -> PageTask | None:
        """The worker has answered for the page and no longer looks at its pixels."""
        place = self._place_of(worker)
        place.progress_at = now
        return place.aboard.pop(key, None)

    def drop(self, task: PageTask) -> None:
        """Asks the worker that holds the page, if one does, to forget it."""
        for place in self._places:
            if place.worker and task.key in place.aboard:
                place.worker.send(DropPage(page=task.key))

    def page_aboard(self, key: int) -> PageTask | None:
        return next((place.aboard[key] for place in self._places if key in place.aboard), None)

    def died(self, worker: Worker, now: float) -> list[PageTask]:
        """Forgets the worker; gives back the pages that it held."""
        place = self._place_of(worker)
        tasks = list(place.aboard.values())
        place.backoff.died(now)
        place.worker, place.ready, place.is_killed = None, None, False
        place.aboard.clear()
        return tasks

    def _place_of(self, worker: Worker) -> _Place:
        return next(place for place in self._places if place.worker is worker)
