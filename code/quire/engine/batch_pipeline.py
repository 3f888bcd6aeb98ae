"""What a batch goes through on its way over the device, and what is heard of it. Here the plain way:
one batch after the other, in the caller's own thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory, Lane, Running, fault_reason


@dataclass(frozen=True)
class BatchJob:
    """A batch as the pipeline sees it: it goes through pre, device and post of its lane."""

    number: int
    lane: str
    canvas: Canvas
    payloads: tuple[Any, ...]


@dataclass(frozen=True)
class BatchFailure:
    """Why a batch gave no outputs: a value, since an exception would keep the failed batch's tensors
    alive in its frames while smaller batches are tried."""

    reason: str
    is_out_of_memory: bool = False


@dataclass(frozen=True)
class BatchStarted:
    """The batch has the device from now on. One has it at a time, in the order of their starts."""

    number: int


@dataclass(frozen=True)
class BatchEnded:
    """The batch has left the pipeline, with one output for each payload. It had the device for
    `device_seconds`; laying it out before that took `pre_seconds`."""

    number: int
    outputs: list[Any] | BatchFailure
    device_seconds: float
    pre_seconds: float = 0.0


BatchReport = BatchStarted | BatchEnded


class BatchPipeline(Protocol):
    """Takes batches and reports on them, in order, to its owner."""

    def start(self, job: BatchJob) -> None:
        """Waits for nothing to end. Until the batch has ended, its payloads are in use."""


class BatchOnItsWay:
    """A batch in the pipeline. Each stage replaces `value`, so that nothing outlives its stage; after a
    failure the later stages do nothing. All but DeviceLost is a failure of this batch alone."""

    def __init__(self, job: BatchJob, lane: Lane) -> None:
        self.job = job
        self.pre_seconds = 0.0
        self.device_seconds = 0.0
        self._lane = lane
        self._value: Any = None

    @property
    def is_running(self) -> bool:
        """The device is still at it, though its stage has returned."""
        return isinstance(self._value, Running)

    @property
    def has_failed(self) -> bool:
        return isinstance(self._value, BatchFailure)

    def pre(self) -> None:
        began = time.monotonic()
        self._value = _outcome(lambda: self._lane.pre(self.job.canvas, self.job.payloads))
        self.pre_seconds = time.monotonic() - began

    def device(self) -> None:
        if not self.has_failed:
            self._value = _outcome(lambda: self._lane.device(self._value))

    def wait(self) -> None:
        """For the device, where it is still at it."""
        if self.is_running:
            failure = _outcome(self._value.wait)
            if isinstance(failure, BatchFailure):
                self._value = failure

    def post(self) -> None:
        if not self.has_failed:
            self._value = _outcome(self._checked_outputs)

    def _checked_outputs(self) -> list[Any]:
        outputs = self._lane.post(self._value, self.job.payloads)
        if len(outputs) != len(self.job.payloads):
            raise ValueError(f"{len(outputs)} outputs for {len(self.job.payloads)} items")
        return outputs

    def ended(self) -> BatchEnded:
        return BatchEnded(self.job.number, self._value, self.device_seconds, self.pre_seconds)


def _outcome(stage: Callable[[], Any]) -> Any:
    """What the stage gives, or the BatchFailure that it ends in. Raises DeviceLost."""
    try:
        return stage()
    except DeviceLost:
        raise
    except DeviceOutOfMemory as error:
        return BatchFailure(fault_reason(error), is_out_of_memory=True)
    except Exception as error:  # noqa: BLE001  (whatever a model raises costs one page, not the worker)
        return BatchFailure(fault_reason(error))


class InlinePipeline:
    """Runs each batch at once, in `start`, which raises DeviceLost. `take` gives the reports."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = lanes
        self._reports: list[BatchReport] = []

    def start(self, job: BatchJob) -> None:
        batch = BatchOnItsWay(job, self._lanes[job.lane])
        batch.pre()
        self._reports.append(BatchStarted(job.number))
        began = time.monotonic()
        batch.device()
        batch.wait()
        batch.device_seconds = time.monotonic() - began
        batch.post()
        self._reports.append(batch.ended())

    def take(self) -> list[BatchReport]:
        reports, self._reports = self._reports, []
        return reports
