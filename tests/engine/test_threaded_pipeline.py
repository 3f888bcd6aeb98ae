"""Batches on three threads: they overlap, come back in order, and no thread dies unseen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from quire.engine.batch_pipeline import BatchEnded, BatchFailure, BatchJob, BatchReport, BatchStarted
from quire.engine.channel import readable
from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory
from quire.engine.threaded_pipeline import ThreadedPipeline

CANVAS = Canvas(64, 64)
PATIENCE_SECONDS = 30.0


def nothing(payload: Any) -> None: ...


def meet(gate: threading.Event) -> None:
    assert gate.wait(PATIENCE_SECONDS)


@dataclass
class ScriptedLane:
    """Calls what the test gives for each stage, and passes the payloads on."""

    at_pre: Callable[[Any], Any] = nothing
    at_device: Callable[[Any], Any] = nothing
    at_post: Callable[[Any], Any] = nothing
    threads: dict[str, str] = field(default_factory=dict)

    def max_items(self, canvas: Canvas) -> int:
        return 8

    def pre(self, canvas: Canvas, payloads: Sequence[Any]) -> Any:
        return self._stage("pre", self.at_pre, payloads)

    def device(self, prepared: Any) -> Any:
        return self._stage("device", self.at_device, prepared)

    def post(self, output: Any, payloads: Sequence[Any]) -> list[Any]:
        self._stage("post", self.at_post, payloads)
        return list(payloads)

    def _stage(self, name: str, script: Callable[[Any], Any], value: Any) -> Any:
        self.threads[name] = threading.current_thread().name
        return script(value) or value


@contextmanager
def running(lane: ScriptedLane, clock: Callable[[], float] = time.monotonic) -> Iterator[ThreadedPipeline]:
    pipeline = ThreadedPipeline({"lane": lane}, clock)
    yield pipeline
    pipeline.close()


def job(number: int) -> BatchJob:
    return BatchJob(number, "lane", CANVAS, (number,))


def reports(pipeline: ThreadedPipeline, wanted: int) -> list[BatchReport]:
    """As many reports as are wanted; what was not yet told is waited for."""
    taken: list[BatchReport] = []
    while len(taken) < wanted:
        assert readable([pipeline], PATIENCE_SECONDS), f"only {taken}"
        taken += pipeline.take()
    return taken


def test_each_stage_has_a_thread_of_its_own() -> None:
    lane = ScriptedLane()
    with running(lane) as pipeline:
        pipeline.start(job(1))
        started, ended = reports(pipeline, 2)
    assert started == BatchStarted(1)
    assert isinstance(ended, BatchEnded)
    assert ended.outputs == [1]
    assert lane.threads == {"pre": "quire-pre", "device": "quire-device", "post": "quire-post"}


def test_it_is_readable_exactly_when_there_is_something_to_take() -> None:
    with running(ScriptedLane()) as pipeline:
        assert not readable([pipeline], 0.0)
        pipeline.start(job(1))
        reports(pipeline, 2)
        assert not readable([pipeline], 0.0)
        assert pipeline.take() == []


def test_a_batch_is_laid_out_and_another_is_read_while_the_device_works() -> None:
    pre, post, done = threading.Event(), threading.Event(), threading.Event()

    def at_pre(payloads: Any) -> None:
        if payloads == (3,):
            pre.set()

    def at_device(prepared: Any) -> None:
        if prepared == (2,):
            meet(pre)
            meet(post)
            done.set()

    def at_post(output: Any) -> None:
        if output == (1,):
            post.set()
            meet(done)

    with running(ScriptedLane(at_pre, at_device, at_post)) as pipeline:
        taken: list[BatchReport] = []
        for number in (1, 2, 3):
            pipeline.start(job(number))
            taken += reports(pipeline, 1) if number < 3 else []
        taken += reports(pipeline, 6 - len(taken))
    assert [report.number for report in taken if isinstance(report, BatchStarted)] == [1, 2, 3]
    assert [report.number for report in taken if isinstance(report, BatchEnded)] == [1, 2, 3]


class KernelsRunning:
    """The device is at it until the test says that it is through."""

    def __init__(self) -> None:
        self.is_through = threading.Event()

    def wait(self) -> None:
        meet(self.is_through)


def test_a_batch_has_the_device_until_its_kernels_have_ended() -> None:
    kernels = {0: KernelsRunning(), 1: KernelsRunning()}
    enqueued = threading.Event()

    def device(prepared: Any) -> KernelsRunning:
        if prepared == (1,):
            enqueued.set()
        running_kernels: KernelsRunning = kernels[prepared[0]]
        return running_kernels

    with running(ScriptedLane(at_device=device)) as pipeline:
        pipeline.start(job(0))
        assert reports(pipeline, 1) == [BatchStarted(0)]
        pipeline.start(job(1))
        meet(enqueued)
        assert pipeline.take() == []
        kernels[0].is_through.set()
        first, second = sorted(reports(pipeline, 2), key=lambda report: report.number)
        assert isinstance(first, BatchEnded)
        assert second == BatchStarted(1)
        kernels[1].is_through.set()
        (last,) = reports(pipeline, 1)
    assert isinstance(last, BatchEnded)
    assert last.device_seconds >= 0


@dataclass
class HandSetClock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_end_of_kernels_is_seen_while_the_batch_before_is_still_read_back() -> None:
    kernels = {number: KernelsRunning() for number in (0, 1, 2)}
    is_read_back, may_end = threading.Event(), threading.Event()

    def slow_post(payloads: Any) -> None:
        if payloads == (0,):
            is_read_back.set()
            meet(may_end)

    lane = ScriptedLane(at_device=lambda prepared: kernels[prepared[0]], at_post=slow_post)
    clock = HandSetClock()
    with running(lane, clock) as pipeline:
        pipeline.start(job(0))
        assert reports(pipeline, 1) == [BatchStarted(0)]
        pipeline.start(job(1))
        clock.now = 1.0
        kernels[0].is_through.set()
        assert reports(pipeline, 1) == [BatchStarted(1)]
        meet(is_read_back)
        pipeline.start(job(2))
        clock.now = 3.0
        kernels[1].is_through.set()
        assert reports(pipeline, 1) == [BatchStarted(2)]
        clock.now = 100.0
        may_end.set()
        taken = reports(pipeline, 2)
        kernels[2].is_through.set()
        taken += reports(pipeline, 1)
    ended = [report for report in taken if isinstance(report, BatchEnded)]
    assert [(each.number, each.device_seconds) for each in ended] == [(0, 1.0), (1, 2.0), (2, 97.0)]


def test_a_batch_that_fails_behind_running_kernels_never_had_the_device() -> None:
    kernels, refused = KernelsRunning(), threading.Event()

    def device(prepared: Any) -> KernelsRunning:
        if prepared == (1,):
            refused.set()
            raise ValueError("refused at launch")
        return kernels

    with running(ScriptedLane(at_device=device)) as pipeline:
        for number in (0, 1):
            pipeline.start(job(number))
            if number == 0:
                assert reports(pipeline, 1) == [BatchStarted(0)]
        meet(refused)
        kernels.is_through.set()
        taken = reports(pipeline, 2)
    assert [type(report) for report in taken] == [BatchEnded, BatchEnded]


def failing(stage: str, error: BaseException) -> ScriptedLane:
    """At the stage of batch 1."""

    def script(value: Any) -> None:
        if 1 in value:
            raise error

    lane = ScriptedLane()
    setattr(lane, stage, script)
    return lane


@pytest.mark.parametrize("stage", ["at_pre", "at_device", "at_post"])
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ValueError("a poison page"), BatchFailure("ValueError: a poison page")),
        (DeviceOutOfMemory("too large"), BatchFailure("DeviceOutOfMemory: too large", True)),
    ],
)
def test_a_failure_in_any_stage_is_this_batchs_alone(
    stage: str, error: Exception, failure: BatchFailure
) -> None:
    with running(failing(stage, error)) as pipeline:
        pipeline.start(job(1))
        failed: list[BatchReport] = []
        while not failed or isinstance(failed[-1], BatchStarted):
            failed += reports(pipeline, 1)
        pipeline.start(job(2))
        started, ended = reports(pipeline, 2)
    assert isinstance(failed[-1], BatchEnded)
    assert failed[-1].outputs == failure
    assert started == BatchStarted(2)
    assert isinstance(ended, BatchEnded)
    assert ended.outputs == [2]


def test_a_failure_that_the_kernels_end_in_is_the_batchs_alone() -> None:
    class FailingKernels:
        def wait(self) -> None:
            raise DeviceOutOfMemory("late")

    lane = ScriptedLane(at_device=lambda prepared: FailingKernels() if prepared == (1,) else None)
    with running(lane) as pipeline:
        pipeline.start(job(1))
        ended = reports(pipeline, 2)[1]
        pipeline.start(job(2))
        assert reports(pipeline, 2)[0] == BatchStarted(2)
    assert isinstance(ended, BatchEnded)
    assert ended.outputs == BatchFailure("DeviceOutOfMemory: late", True)


@pytest.mark.parametrize("stage", ["at_pre", "at_device", "at_post"])
@pytest.mark.parametrize("error", [DeviceLost("gone"), SystemExit(3)])
def test_what_ends_a_thread_reaches_who_waits(stage: str, error: BaseException) -> None:
    with running(failing(stage, error)) as pipeline:
        pipeline.start(job(1))
        with pytest.raises(type(error)):
            while True:
                reports(pipeline, 1)


def test_wrong_numbers_of_outputs_fail_the_batch() -> None:
    class Miscounting(ScriptedLane):
        def post(self, output: Any, payloads: Sequence[Any]) -> list[Any]:
            return []

    with running(Miscounting()) as pipeline:
        pipeline.start(job(1))
        ended = reports(pipeline, 2)[1]
    assert isinstance(ended, BatchEnded)
    assert ended.outputs == BatchFailure("ValueError: 0 outputs for 1 items")


def test_what_is_done_at_once_does_not_overtake_what_the_device_is_at() -> None:
    """Of a lane whose outputs are waited for now and then: one fails before, one is there at once."""
    kernels, laid_out = KernelsRunning(), threading.Event()

    def pre(payloads: Any) -> None:
        if payloads == (2,):
            raise ValueError("no such page")
        if payloads == (4,):
            laid_out.set()

    def device(prepared: Any) -> KernelsRunning | None:
        return kernels if prepared == (1,) else None

    with running(ScriptedLane(pre, device)) as pipeline:
        taken: list[BatchReport] = []
        for number in (1, 2, 3, 4):
            pipeline.start(job(number))
        meet(laid_out)
        assert not [each for each in pipeline.take() if isinstance(each, BatchEnded)]
        kernels.is_through.set()
        while len([each for each in taken if isinstance(each, BatchEnded)]) < 4:
            taken += reports(pipeline, 1)
    assert [each.number for each in taken if isinstance(each, BatchEnded)] == [1, 2, 3, 4]
