"""What workers report, and what it means for their pages. The counterpart of `Engine.step`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from quire.engine.batch_log import log_batch
from quire.engine.documents import PageTask
from quire.engine.engine import Engine
from quire.engine.messages import (
    BatchBegan,
    BatchFailed,
    BatchRun,
    DeviceReady,
    JobFailed,
    LayerRead,
    LimitBatch,
    Measured,
    Opened,
    PageDropped,
    PageFaulted,
    PageRead,
    Rendered,
    RendererReady,
)
from quire.engine.render_pool import RenderJob
from quire.engine.worker_port import Worker
from quire.words.errors import (
    DocumentUnreadable,
    Fault,
    PageCrashedRenderer,
    PageFailedOnDevice,
    PageRenderTimeout,
    QuireError,
)
from quire.words.json_lines import log_line
from quire.words.reading import PageResult

log = logging.getLogger("quire.engine")

MAX_RENDERER_DEATHS = 2
MAX_LONE_FAILURES = 2


class RenderEvents:
    """Reports of the render workers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._takers: dict[type[Any], Callable[[Any, Worker, RenderJob, float], None]] = {
            Opened: self._opened,
            Measured: self._measured,
            Rendered: self._rendered,
            LayerRead: self._layer_read,
            JobFailed: self._failed,
        }

    def report(self, worker: Worker, message: Any, now: float) -> None:
        if isinstance(message, RendererReady):
            self._engine.renderers.became_ready(worker)
            return
        job = self._engine.renderers.job_of(worker, message.job)
        if job is not None:
            self._takers[type(message)](message, worker, job, now)

    def _opened(self, message: Opened, worker: Worker, job: RenderJob, now: float) -> None:
        """Where the worker goes on with a page that nobody wants, it is told so when it has measured it."""
        if not message.goes_on:
            self._engine.renderers.job_ended(worker, now)
        if not job.is_wanted:
            return
        try:
            self._engine.opened(job.document, message.num_pages)
        except QuireError as error:
            self._engine.refuse(job.document, error)
            return
        if message.goes_on:
            self._engine.renderers.went_on(job, self._engine.turns.start_page(job.document, job.number), now)

    def _measured(self, message: Measured, worker: Worker, job: RenderJob, now: float) -> None:
        if job.task is not None:
            job.task.size = message.size
        self._engine.renderers.wait_for_arena(worker, job, now)

    def _rendered(self, message: Rendered, worker: Worker, job: RenderJob, now: float) -> None:
        task = self._end_job(worker, job, now)
        if not task.is_wanted:
            self._engine.free_pixels(task)
        else:
            self._engine.ready_pages.add(task)

    def _layer_read(self, message: LayerRead, worker: Worker, job: RenderJob, now: float) -> None:
        if job.task is None:
            self._engine.renderers.job_ended(worker, now)
            return
        task = self._end_job(worker, job, now)
        task.size = message.size
        self._engine.page_ended(task, PageResult.read(task.page_index + 1, message.size, message.text), now)

    def _failed(self, message: JobFailed, worker: Worker, job: RenderJob, now: float) -> None:
        if job.task is not None:
            self._fail_page(self._end_job(worker, job, now), job.refusal or message.fault, now)
            return
        self._engine.renderers.job_ended(worker, now)
        if job.is_wanted:
            self._engine.refuse(job.document, message.fault.error())

    def died(self, worker: Worker, now: float) -> None:
        """The page that it was at is tried once more, unless it ran out of time."""
        job = self._engine.renderers.died(worker, now)
        if job is None:
            return
        error = _render_death(job)
        if job.task is None:
            self._opening_died(job, error)
            return
        self._engine.free_pixels(job.task)
        if not job.task.is_wanted:
            return
        job.task.num_renderer_deaths += 1
        if job.is_late or job.task.num_renderer_deaths >= MAX_RENDERER_DEATHS:
            self._fail_page(job.task, Fault.of(error), now)
        else:
            self._engine.turns.retry(job.task)

    def _opening_died(self, job: RenderJob, error: QuireError) -> None:
        job.document.num_opening_deaths += 1
        if not job.is_wanted:
            return
        if job.is_late or job.document.num_opening_deaths >= MAX_RENDERER_DEATHS:
            self._engine.refuse(job.document, error)
        else:
            self._engine.turns.submitted(job.document)

    def _end_job(self, worker: Worker, job: RenderJob, now: float) -> PageTask:
        job.document.rendering_ms += self._engine.renderers.job_ended(worker, now) * 1000
        if job.task is None:
            raise RuntimeError("a page was reported for an opening job: this is a bug")
        return job.task

    def _fail_page(self, task: PageTask, fault: Fault, now: float) -> None:
        self._engine.page_ended(task, PageResult.failed(task.page_index + 1, fault, task.size), now)


def _render_death(job: RenderJob) -> QuireError:
    if job.is_late:
        what = "opening the document" if job.task is None else "rendering the page"
        return PageRenderTimeout(f"{what} took longer than QUIRE_RENDER_PAGE_SECONDS")
    if job.task is None:
        return DocumentUnreadable("opening the document crashed its reader, twice")
    return PageCrashedRenderer("the page crashed its renderer, twice")


class DeviceEvents:
    """Reports of the device workers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._takers: dict[type[Any], Callable[[Any, Worker, float], None]] = {
            DeviceReady: self._ready,
            BatchBegan: self._began,
            BatchRun: self._ran,
            BatchFailed: self._failed,
            LimitBatch: self._limit,
            PageRead: self._read,
            PageFaulted: self._faulted,
            PageDropped: self._dropped,
        }

    def report(self, message: Any, worker: Worker, now: float) -> None:
        self._takers[type(message)](message, worker, now)

    def _ready(self, message: DeviceReady, worker: Worker, now: float) -> None:
        self._engine.model = message.model
        self._engine.devices.became_ready(worker, message, now)
        log_line(
            log,
            logging.INFO,
            "device worker ready",
            device=message.device,
            precision=message.precision,
            model=message.model.name,
            revision=message.model.revision,
        )

    def _began(self, message: BatchBegan, worker: Worker, now: float) -> None:
        self._engine.devices.batch_began(worker, message, now)

    def _ran(self, message: BatchRun, worker: Worker, now: float) -> None:
        self._engine.devices.batch_ran(worker, message, now)
        log_batch(message, self._engine.devices)

    def _failed(self, message: BatchFailed, worker: Worker, now: float) -> None:
        self._engine.devices.batch_failed(worker, message, now)

    def _limit(self, message: LimitBatch, worker: Worker, now: float) -> None:
        self._engine.devices.learnt(worker, message, now)

    def _read(self, message: PageRead, worker: Worker, now: float) -> None:
        task = self._left(self._engine.devices.page_read(worker, message.page, now), now, message.cost_ms)
        if task is not None and task.size is not None:
            self._engine.page_ended(task, PageResult.read(task.page_index + 1, task.size, message.text), now)

    def _faulted(self, message: PageFaulted, worker: Worker, now: float) -> None:
        task = self._left(self._engine.devices.page_faulted(worker, message.page, now), now)
        if task is not None:
            log_line(log, logging.WARNING, "page failed on the device", reason=message.reason)
            self._charge(task, now, message.fault)

    def _dropped(self, message: PageDropped, worker: Worker, now: float) -> None:
        task = self._left(self._engine.devices.page_left(worker, message.page, now), now)
        if task is not None:
            self._engine.free_pixels(task)

    def died(self, worker: Worker, now: float) -> None:
        """Its pages run again one at a time; only a page that was alone is charged."""
        tasks = self._engine.devices.died(worker, now)
        for task in tasks:
            self._left(task, now)
            if not task.is_wanted:
                self._engine.free_pixels(task)
            elif len(tasks) == 1:
                self._charge(task, now)
            else:
                self._run_alone(task)

    def _left(self, task: PageTask | None, now: float, cost_ms: float | None = None) -> PageTask | None:
        """The page, if it was aboard, is so no more; `cost_ms` of one that was read."""
        if task is not None and task.is_wanted:
            task.document.reading_ms += (now - task.began_at) * 1000
            self._engine.left_device(task, cost_ms)
        return task

    def _charge(self, task: PageTask, now: float, fault: Fault | None = None) -> None:
        task.num_lone_failures += 1
        if not task.is_wanted:
            self._engine.free_pixels(task)
        elif fault is None and task.num_lone_failures < MAX_LONE_FAILURES:
            self._run_alone(task)
        else:
            twice = PageFailedOnDevice("the page failed twice while it was alone on the device")
            fault = fault or Fault.of(twice)
            self._engine.page_ended(task, PageResult.failed(task.page_index + 1, fault, task.size), now)

    def _run_alone(self, task: PageTask) -> None:
        task.must_be_alone = True
        self._engine.ready_pages.add(task)
