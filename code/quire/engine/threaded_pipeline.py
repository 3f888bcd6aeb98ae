"""How do batches overlap? A thread for each stage: while the device runs one batch, the next is laid out
and the last one's outputs are read.

A batch has the device from when its device stage begins, or the batch before leaves the device, to when
it leaves itself. It leaves where the device stage returns; where that returned ahead of the device (on
CUDA it only enqueues kernels), at the end of `Running.wait`. That has a thread of its own, so that the end
is seen while outputs of the batch before are still read. So one batch's seconds never count the work of
another, nor anybody's `post`.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from queue import Queue

from quire.engine.batch_pipeline import BatchJob, BatchOnItsWay, BatchReport, BatchStarted
from quire.engine.port import Lane

_BatchQueue = Queue[BatchOnItsWay | None]
"""None ends the thread that reads it."""


class ThreadedPipeline:
    """Becomes readable (`fileno`) when `take` has something to give or to raise."""

    def __init__(self, lanes: Mapping[str, Lane], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells the seconds by which batches are said to have had the device."""
        self._lanes = lanes
        self._clock = clock
        queues = (_BatchQueue(maxsize=1) for _ in range(4))
        self._to_pre, self._to_device, self._to_wait, self._to_post = queues
        self._lock = threading.Lock()
        self._reports: deque[BatchReport | BaseException] = deque()
        self._readable = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._on_device: deque[BatchOnItsWay] = deque()
        self._num_waited_for = 0
        self._device_since = 0.0
        self._threads = [
            self._thread("pre", self._to_pre, self._pre, self._to_device),
            self._thread("device", self._to_device, self._device, self._to_wait),
            self._thread("wait", self._to_wait, self._wait, self._to_post),
            self._thread("post", self._to_post, self._post, None),
        ]
        for thread in self._threads:
            thread.start()

    def start(self, job: BatchJob) -> None:
        """Waits where more than one batch has not yet begun: see that this never is."""
        self._to_pre.put(BatchOnItsWay(job, self._lanes[job.lane]))

    def fileno(self) -> int:
        return self._readable

    def take(self) -> list[BatchReport]:
        """All reports that have come. Raises what a stage's thread died of, DeviceLost above all."""
        with self._lock:
            taken = list(self._reports)
            self._reports.clear()
            if taken:
                os.eventfd_read(self._readable)
        for report in taken:
            if isinstance(report, BaseException):
                raise report
        return [report for report in taken if not isinstance(report, BaseException)]

    def close(self) -> None:
        """Lets the threads end, after what they are at, and waits for them."""
        self._to_pre.put(None)
        for thread in self._threads:
            thread.join()
        os.close(self._readable)

    # --- the threads ---

    def _thread(
        self,
        stage: str,
        source: _BatchQueue,
        work: Callable[[BatchOnItsWay], None],
        ends_with_it: _BatchQueue | None,
    ) -> threading.Thread:
        def run() -> None:
            try:
                while (batch := source.get()) is not None:
                    work(batch)
                    del batch
            except BaseException as error:  # noqa: BLE001  (a thread's death must reach the main loop)
                self._say(error)
            if ends_with_it is not None:
                ends_with_it.put(None)

        return threading.Thread(target=run, name=f"quire-{stage}", daemon=True)

    def _pre(self, batch: BatchOnItsWay) -> None:
        batch.pre()
        self._to_device.put(batch)

    def _device(self, batch: BatchOnItsWay) -> None:
        if not batch.has_failed:
            self._enter_device(batch)
            batch.device()
            if not batch.is_running:
                self._leave_device(batch)
        with self._lock:
            is_waited_for = batch.is_running or self._num_waited_for > 0
            self._num_waited_for += is_waited_for
        (self._to_wait if is_waited_for else self._to_post).put(batch)

    def _wait(self, batch: BatchOnItsWay) -> None:
        """What is done when its device stage returns passes here only behind one that is not: batches end in
        their order."""
        if batch.is_running:
            batch.wait()
            self._leave_device(batch)
        self._to_post.put(batch)
        with self._lock:
            self._num_waited_for -= 1

    def _post(self, batch: BatchOnItsWay) -> None:
        batch.post()
        self._say(batch.ended())

    def _enter_device(self, batch: BatchOnItsWay) -> None:
        with self._lock:
            self._on_device.append(batch)
            if self._on_device[0] is batch:
                self._has_device(batch)

    def _leave_device(self, batch: BatchOnItsWay) -> None:
        with self._lock:
            had_it = self._on_device[0] is batch
            self._on_device.remove(batch)
            if had_it:
                batch.device_seconds = self._clock() - self._device_since
            if had_it and self._on_device:
                self._has_device(self._on_device[0])

    def _has_device(self, batch: BatchOnItsWay) -> None:
        self._device_since = self._clock()
        self._tell(BatchStarted(batch.job.number))

    def _say(self, report: BatchReport | BaseException) -> None:
        with self._lock:
            self._tell(report)

    def _tell(self, report: BatchReport | BaseException) -> None:
        self._reports.append(report)
        os.eventfd_write(self._readable, 1)
