"""The render workers: which is idle, which is late, and what each was doing when it died."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from quire.engine.backoff import MAX_FAILED_STARTS, Backoff
from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.messages import CloseDocument, GrantPixels, OpenDocument, RenderPage
from quire.engine.worker_port import Worker
from quire.words.errors import Fault, QuireError


@dataclass(eq=False)
class RenderJob:
    """Opening a document (`task` None) or rendering one of its pages. `began_at` is when it last could
    go on, `seconds_before` what it took until it had to wait for the arena, `refusal` why it got nothing
    of it."""

    number: int
    document: DocumentInFlight
    task: PageTask | None
    began_at: float
    seconds_before: float = 0.0
    waits_for_arena: bool = False
    is_late: bool = False
    refusal: Fault | None = None

    @property
    def is_wanted(self) -> bool:
        return not self.document.is_ended


class RenderPool:
    """A fixed number of places, each with a worker or waiting for its successor."""

    def __init__(self, spawn: Callable[[], Worker], num_workers: int, page_seconds: float) -> None:
        self._spawn = spawn
        self._num_workers = num_workers
        self._page_seconds = page_seconds
        self._starting: set[Worker] = set()
        self._idle: dict[Worker, None] = {}
        self._jobs: dict[Worker, RenderJob] = {}
        self._to_close: dict[Worker, list[CloseDocument]] = {}
        self._holders: dict[int, set[Worker]] = {}
        self._backoff = Backoff()
        self.num_rendering = 0
        self.waiting_for_arena: deque[tuple[Worker, RenderJob]] = deque()

    def check(self, now: float) -> None:
        """Starts missing workers and kills those that are late: their deaths are reported as any."""
        while self._num_missing and now >= self._backoff.not_before:
            self._starting.add(self._spawn())
        for worker, job in self._jobs.items():
            if not job.is_late and self._late_at(job) <= now:
                job.is_late = True
                worker.kill()

    def next_wakeup(self) -> float | None:
        times = [self._late_at(job) for job in self._jobs.values() if not job.is_late]
        if self._num_missing:
            times.append(self._backoff.not_before)
        return min((time for time in times if time < float("inf")), default=None)

    @property
    def _num_missing(self) -> int:
        return self._num_workers - len(self._jobs) - len(self._idle) - len(self._starting)

    @property
    def is_hopeless(self) -> bool:
        """No worker lives long enough to take a job."""
        is_nobody_up = not self._jobs and not self._idle
        return is_nobody_up and self._backoff.num_deaths >= MAX_FAILED_STARTS * self._num_workers

    def became_ready(self, worker: Worker) -> None:
        self._starting.discard(worker)
        self._idle[worker] = None
        self._backoff.succeeded()

    def _late_at(self, job: RenderJob) -> float:
        return float("inf") if job.waits_for_arena else job.began_at + self._page_seconds

    @property
    def has_idle_worker(self) -> bool:
        return bool(self._idle)

    @property
    def num_busy(self) -> int:
        return len(self._jobs)

    def assign(self, job: RenderJob) -> None:
        """To an idle worker: one that has the document open, if there is any."""
        holders = self._holders.setdefault(job.document.number, set())
        worker = next((each for each in self._idle if each in holders), None) or next(iter(self._idle))
        holders.add(worker)
        del self._idle[worker]
        self._jobs[worker] = job
        self.num_rendering += job.task is not None
        worker.send(_message(job))

    def job_of(self, worker: Worker, number: int) -> RenderJob | None:
        """The worker's job, if it still is that one."""
        job = self._jobs.get(worker)
        return job if job and job.number == number else None

    def went_on(self, job: RenderJob, task: PageTask, now: float) -> None:
        """From opening its document to rendering the page."""
        job.task, job.began_at = task, now
        self.num_rendering += 1

    def wait_for_arena(self, worker: Worker, job: RenderJob, now: float) -> None:
        job.waits_for_arena = True
        job.seconds_before = now - job.began_at
        self.waiting_for_arena.append((worker, job))

    def grant(self, worker: Worker, job: RenderJob, offset: int, now: float) -> None:
        job.waits_for_arena, job.began_at = False, now
        worker.send(GrantPixels(job=job.number, offset=offset))

    def refuse(self, worker: Worker, job: RenderJob, error: QuireError, now: float) -> None:
        """The page is not drawn, and its job ends as a failed one."""
        job.waits_for_arena, job.began_at, job.refusal = False, now, Fault.of(error)
        worker.send(GrantPixels(job=job.number, offset=None))

    def job_ended(self, worker: Worker, now: float) -> float:
        """The seconds that the job took, without what it waited for the arena."""
        job = self._jobs.pop(worker)
        self.num_rendering -= job.task is not None
        for message in self._to_close.pop(worker, []):
            worker.send(message)
        if job.is_late:
            self._starting.add(worker)  # killed, and answered after all: it gets nothing any more
        else:
            self._idle[worker] = None
        return job.seconds_before + now - job.began_at

    def hung_up(self, worker: Worker) -> None:
        """It is about to end: it gets no job any more, and its death is still to be reported."""
        if worker in self._idle:
            del self._idle[worker]
            self._starting.add(worker)

    def died(self, worker: Worker, now: float) -> RenderJob | None:
        """Forgets the worker; gives back the job that it had."""
        self._starting.discard(worker)
        self._idle.pop(worker, None)
        self._to_close.pop(worker, None)
        job = self._jobs.pop(worker, None)
        for holders in self._holders.values():
            holders.discard(worker)
        self._backoff.died(now)
        if job is not None:
            self.num_rendering -= job.task is not None
            if job.waits_for_arena:
                entries = (entry for entry in self.waiting_for_arena if entry[0] is not worker)
                self.waiting_for_arena = deque(entries)
        return job

    def close_document(self, document: DocumentInFlight) -> None:
        """Tells workers that had it open: idle ones now and busy ones when they are done, since a worker
        that hangs in a page reads nothing, and one that waits for the arena needs its file."""
        message = CloseDocument(path=document.request.path)
        for worker in self._holders.pop(document.number, ()):
            if worker in self._idle:
                worker.send(message)
            elif worker in self._jobs:
                self._to_close.setdefault(worker, []).append(message)


def _message(job: RenderJob) -> OpenDocument | RenderPage:
    request = job.document.request
    if job.task is None:
        return OpenDocument(
            job=job.number,
            path=request.path,
            media_type=request.media_type,
            password=request.password,
            dpi=request.options.dpi,
            text=request.options.text,
        )
    return RenderPage(
        job=job.number,
        path=request.path,
        media_type=request.media_type,
        password=request.password,
        page_index=job.task.page_index,
        dpi=request.options.dpi,
        text=request.options.text,
    )
