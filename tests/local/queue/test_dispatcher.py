"""A queue amid instances that come, go and die while they work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.switches import Fate, Switches
from quire_endpoint.s3_location import S3Location
from tests.fakes.recording_neighbours import SUCCESS, WAIT_SECONDS
from tests.fakes.scripted_container import ScriptedContainer
from tests.fakes.stub_process import StubProcess, stub_process
from tests.local.queue.conftest import Bench, BuildBench


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def kill_mid_request(bench: Bench, instance: StubProcess) -> None:
    """The instance `i-1`, while it works on an invocation named `one`."""
    bench.join("i-1", instance.port)
    bench.queue.submit(bench.around.invocation("one", b'{"seconds": 60}'))
    bench.around.journal.wait(Step.DOWNLOADED)
    instance.kill()
    bench.queue.gone("i-1")


def test_each_of_many_is_delivered_once_and_in_order(build: BuildBench, stub: StubProcess) -> None:
    bench = build(max_concurrent_invocations=3)
    for number in range(3):
        bench.join(f"i-{number}", stub.port)
    names = [f"job-{number}" for number in range(200)]
    for name in names:
        bench.queue.submit(bench.around.invocation(name, name.encode()))
    bench.around.journal.wait(Step.ENDED, len(names))
    assert [entry.inference_id for entry in bench.around.journal.of(Step.ASSIGNED)] == names
    assert set(bench.around.journal.endings().values()) == {Ending.COMPLETED}
    for name in names:
        assert bench.around.read(S3Location("bucket", f"out/{name}.out")) == name.encode()
    assert bench.queue.backlog().size == 0


def test_an_instance_has_no_more_in_flight_than_it_takes(build: BuildBench) -> None:
    bench = build(max_concurrent_invocations=2)
    with ScriptedContainer() as container:
        container.is_answering.clear()
        bench.join("i-1", container.port)
        for number in range(5):
            bench.queue.submit(bench.around.invocation(f"job-{number}"))
        container.await_asked()
        container.await_asked()
        assert bench.queue.in_flight("i-1") == ["job-0", "job-1"]
        backlog = bench.queue.backlog()
        assert (backlog.waiting, backlog.in_flight) == (3, 2)
        container.is_answering.set()
        bench.around.journal.wait(Step.ENDED, 5)


def test_where_the_caller_left_the_number_open_it_is_the_switchs(build: BuildBench) -> None:
    bench = build(Switches(concurrency_when_unset=3), max_concurrent_invocations=None)
    with ScriptedContainer() as container:
        container.is_answering.clear()
        bench.join("i-1", container.port)
        for number in range(5):
            bench.queue.submit(bench.around.invocation(f"job-{number}"))
        for _ in range(3):
            container.await_asked()
        assert bench.queue.backlog().in_flight == 3
        container.is_answering.set()
        bench.around.journal.wait(Step.ENDED, 5)


def test_without_an_instance_all_is_kept(build: BuildBench, stub: StubProcess) -> None:
    bench = build()
    bench.queue.submit(bench.around.invocation("one"))
    backlog = bench.queue.backlog()
    assert backlog.waiting == 1 and backlog.oldest_received_seconds is not None
    bench.join("i-1", stub.port)
    assert bench.around.journal.wait(Step.ENDED)[0].ending is Ending.COMPLETED


def test_lost_nothing_is_written_and_nobody_is_told(build: BuildBench) -> None:
    bench = build(Switches(in_flight_fate=Fate.LOST))
    with stub_process() as instance:
        kill_mid_request(bench, instance)
        assert bench.around.journal.wait(Step.ENDED)[0].ending is Ending.LOST
    assert not bench.around.topics.told and not bench.around.journal.of(Step.UPLOADED)
    assert not bench.around.logs.data_log()


def test_redelivered_another_instance_does_it(build: BuildBench) -> None:
    bench = build(Switches(in_flight_fate=Fate.REDELIVERED, redelivery_seconds=30), speed=100)
    with stub_process() as first, stub_process(STUB_SPEED="1000") as second:
        kill_mid_request(bench, first)
        bench.join("i-2", second.port)
        assert bench.around.journal.wait(Step.ENDED)[0].ending is Ending.COMPLETED
    assert [entry.delivery for entry in bench.around.journal.of(Step.ASSIGNED)] == [1, 2]
    assert len(bench.around.journal.of(Step.REQUEUED)) == 1
    gone, again = bench.around.journal.of(Step.REQUEUED)[0], bench.around.journal.of(Step.ASSIGNED)[1]
    assert again.seconds - gone.seconds >= 29


def test_duplicated_both_write_and_tell_and_it_ends_once(build: BuildBench) -> None:
    bench = build(Switches(in_flight_fate=Fate.DUPLICATED, redelivery_seconds=30), speed=100)
    with stub_process() as first, stub_process(STUB_SPEED="1000") as second:
        kill_mid_request(bench, first)
        bench.join("i-2", second.port)
        bench.around.journal.wait(Step.ENDED)
    assert [entry.delivery for entry in bench.around.journal.of(Step.UPLOADED)] == [2, 3]
    assert len(bench.around.topics.results(SUCCESS)) == 2
    assert len(bench.around.journal.of(Step.ENDED)) == 1


def test_a_container_that_hangs_up_while_its_instance_lives_has_failed_the_invocation(bench: Bench) -> None:
    bench.queue.submit(bench.around.invocation("one", b'{"fault": "reset"}'))
    assert bench.around.journal.wait(Step.ENDED)[0].ending is Ending.BAD_RESPONSE
    assert "server error (0)" in bench.around.logs.data_log()[0]
    bench.queue.submit(bench.around.invocation("two"))
    assert bench.around.journal.wait(Step.ENDED, 2)[1].ending is Ending.COMPLETED


def test_an_instance_that_leaves_is_idle_when_its_last_has_ended(
    build: BuildBench, stub: StubProcess
) -> None:
    bench = build()
    with ScriptedContainer() as container:
        container.is_answering.clear()
        bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("one"))
        bench.queue.submit(bench.around.invocation("two"))
        container.await_asked()
        bench.queue.leave("i-1", is_drained=True)
        assert bench.queue.in_flight("i-1") == ["one"] and not bench.idle
        container.is_answering.set()
        bench.around.journal.wait(Step.ENDED)
        assert bench.idle and not bench.queue.in_flight("i-1")
    bench.join("i-2", stub.port)
    bench.around.journal.wait(Step.ENDED, 2)
    assert bench.around.journal.of(Step.ASSIGNED)[1].instance_id == "i-2"


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "waiting"])
def test_dropped_with_its_endpoint(build: BuildBench, is_running: bool) -> None:
    bench = build()
    with ScriptedContainer() as container:
        container.is_answering.clear()
        if is_running:
            bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("one"))
        if is_running:
            container.await_asked()
        bench.queue.drop()
        if is_running:
            bench.queue.gone("i-1")
        assert bench.around.journal.wait(Step.ENDED)[0].ending is Ending.DROPPED


def test_threads_are_used_again_and_end_when_there_is_nothing_to_do(build: BuildBench) -> None:
    bench = build()
    with ScriptedContainer(is_kept=True) as container:
        bench.join("i-1", container.port)
        seen = set()
        for number in range(10):
            bench.queue.submit(bench.around.invocation(f"job-{number}"))
            bench.around.journal.wait(Step.ENDED, number + 1)
            seen |= {one.ident for one in threading.enumerate() if one.name == "deliver-i-1"}
        assert len(seen) == 1 and container.num_connections == 10
        eventually(lambda: not [one for one in threading.enumerate() if one.name == "deliver-i-1"])
        bench.queue.submit(bench.around.invocation("later"))
        bench.around.journal.wait(Step.ENDED, 11)


def test_a_container_that_closes_its_connections_unannounced_fails_nothing(build: BuildBench) -> None:
    bench = build()
    with ScriptedContainer(is_kept=False, idle_seconds=0.004) as container:
        bench.join("i-1", container.port)
        for number in range(60):
            bench.queue.submit(bench.around.invocation(f"job-{number}"))
        bench.around.journal.wait(Step.ENDED, 60)
    assert set(bench.around.journal.endings().values()) == {Ending.COMPLETED}


def test_a_fault_that_lasts_longer_than_a_thread_can_wait_ends_with_the_endpoint(build: BuildBench) -> None:
    with pytest.raises(ValueError, match="a day"):
        Fault(FaultKind.SLOW_UPLOAD, seconds=1e10)
    bench = build(speed=1e-8)
    bench.around.faults.add(Fault(FaultKind.SLOW_UPLOAD, seconds=86400))
    with ScriptedContainer() as container:
        bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("one"))
        bench.around.journal.wait(Step.RESPONDED)
        bench.queue.close()
    assert bench.around.journal.endings() == {"one": Ending.COMPLETED}


def test_a_connection_that_breaks_before_its_deadline_is_no_time_out_however_long_word_is_awaited(
    build: BuildBench,
) -> None:
    bench = build(speed=100)
    with ScriptedContainer(b"") as container:
        bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("one", timeout_seconds=10))
        (ended,) = bench.around.journal.wait(Step.ENDED)
    assert ended.ending is Ending.BAD_RESPONSE


def test_two_of_one_inference_id_at_once_have_timelines_of_their_own(build: BuildBench) -> None:
    bench = build()
    with ScriptedContainer() as container:
        container.is_answering.clear()
        for name in ("i-1", "i-2"):
            bench.join(name, container.port)
            bench.queue.submit(bench.around.invocation("same"))
            container.await_asked()
        bench.queue.gone("i-1")
        bench.around.journal.wait(Step.ENDED)
        assert {one.instance_id for one in bench.around.journal.timeline("same")} == {None, "i-2"}
        assert len(bench.around.journal.latest(9)) == 2
        container.is_answering.set()
        bench.around.journal.wait(Step.ENDED, 2)


def test_what_a_run_that_was_killed_has_left_is_deleted(build: BuildBench) -> None:
    around = build().around
    left, foreign = around.neighbours().scratch_file(), around.scratch / "notes.txt"
    for path in (left, foreign):
        path.write_bytes(b"x")
    around.neighbours().clear_scratch()
    assert not left.exists() and foreign.exists()
    foreign.unlink()


def test_closing_breaks_off_what_runs(build: BuildBench) -> None:
    bench = build()
    with ScriptedContainer() as container:
        container.is_answering.clear()
        bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("runs"))
        bench.queue.submit(bench.around.invocation("waits"))
        container.await_asked()
        bench.queue.close()
    assert bench.around.journal.endings()["waits"] is Ending.DROPPED
    assert not [one for one in threading.enumerate() if one.name.startswith(("deliver", "queue-"))]
