"""The render workers: which is idle, which is late, and what each was doing when it died."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from quire.engine.backoff import MAX_DEATHS_BEFORE_READY, Backoff
from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.messages import CloseDocument, GrantPixels, OpenDocument, RenderPage
from quire.engine.worker_port import Worker


@dataclass(eq=False)
class RenderJob:
    """Opening a document (`task` None) or rendering one of its pages."""

    number: int
    document: DocumentInFlight
    task: PageTask | None
    began_at: float
    waits_for_arena: bool = False
    is_late: bool = False

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
        self._jobs: dict[Worker, RenderJob | None] = {}
        self._to_close: dict[Worker, list[CloseDocument]] = {}
        self._condemned: set[Worker] = set()
        self._backoff = Backoff()
        self.waiting_for_arena: deque[tuple[Worker, RenderJob]] = deque()

    def check(self, now: float) -> None:
        """Starts missing workers and kills those that are late: their deaths are reported as any."""
        while self._num_missing and now >= self._backoff.not_before:
            self._starting.add(self._spawn())
        for worker, job in self._jobs.items():
            if job and not job.is_late and self._late_at(job) <= now:
                job.is_late = True
                self._condemned.add(worker)
                worker.kill()

    def next_wakeup(self) -> float | None:
        times = [self._late_at(job) for job in self._jobs.values() if job and not job.is_late]
        if self._num_missing:
            times.append(self._backoff.not_before)
        return min(times, default=None)

    @property
    def _num_missing(self) -> int:
        return self._num_workers - len(self._jobs) - len(self._starting)

    @property
    def is_hopeless(self) -> bool:
        """No worker lives long enough to take a job."""
        return self._backoff.num_deaths >= MAX_DEATHS_BEFORE_READY * self._num_workers and not self._jobs

    def became_ready(self, worker: Worker) -> None:
        self._starting.discard(worker)
        self._jobs[worker] = None
        self._backoff.succeeded()

    def _late_at(self, job: RenderJob) -> float:
        return float("inf") if job.waits_for_arena else job.began_at + self._page_seconds

    @property
    def idle_workers(self) -> Iterator[Worker]:
        return (worker for worker, job in self._jobs.items() if job is None and worker not in self._condemned)

    @property
    def num_rendering(self) -> int:
        return sum(1 for job in self._jobs.values() if job is not None and job.task is not None)

    def assign(self, worker: Worker, job: RenderJob) -> None:
        self._jobs[worker] = job
        worker.send(_message(job))

    def job_of(self, worker: Worker, number: int) -> RenderJob | None:
        """The worker's job, if it still is that one."""
        job = self._jobs.get(worker)
        return job if job and job.number == number else None

    def wait_for_arena(self, worker: Worker, job: RenderJob) -> None:
        job.waits_for_arena = True
        self.waiting_for_arena.append((worker, job))

    def grant(self, worker: Worker, job: RenderJob, offset: int, now: float) -> None:
        job.waits_for_arena, job.began_at = False, now
        worker.send(GrantPixels(job=job.number, offset=offset))

    def refuse(self, worker: Worker, job: RenderJob) -> None:
        """Nobody waits for the page any more: it is not drawn, and its job ends as a failed one."""
        job.waits_for_arena = False
        worker.send(GrantPixels(job=job.number, offset=None))

    def job_ended(self, worker: Worker) -> None:
        self._jobs[worker] = None
        for message in self._to_close.pop(worker, []):
            worker.send(message)

    def died(self, worker: Worker, now: float) -> RenderJob | None:
        """Forgets the worker; gives back the job that it had."""
        self._starting.discard(worker)
        self._condemned.discard(worker)
        self._to_close.pop(worker, None)
        job = self._jobs.pop(worker, None)
        self._backoff.died(now)
        self.waiting_for_arena = deque(entry for entry in self.waiting_for_arena if entry[0] is not worker)
        return job

    def close_document(self, document: DocumentInFlight) -> None:
        """Tells idle workers now and busy ones when they are done: a worker that hangs in a page reads
        nothing, and one that waits for the arena needs its file."""
        message = CloseDocument(path=document.request.path)
        for worker, job in self._jobs.items():
            if job is None:
                worker.send(message)
            else:
                self._to_close.setdefault(worker, []).append(message)


def _message(job: RenderJob) -> OpenDocument | RenderPage:
    request = job.document.request
    if job.task is None:
        return OpenDocument(
            job=job.number,
            path=request.path,
            media_type=request.media_type,
            password=request.password,
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
