"""The host with real instances: processes that answer, are killed, are replaced and are drained."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.host.host import Host
from quire_endpoint.local.instances.fleet import InstanceFleet
from quire_endpoint.local.instances.premises import Premises
from quire_endpoint.local.instances.process_launcher import ProcessLauncher
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.ports import Fleet, FleetListener
from quire_endpoint.local.specs import EndpointSpec, EndpointStatus
from quire_endpoint.local.switches import Fate, Switches
from tests.fakes.recording_neighbours import Surrounding, endpoint_spec
from tests.fakes.stub_process import STUB
from tests.local.host.conftest import eventually, make_host


class Live:
    """A host over real fleets."""

    def __init__(self, folder: Path, switches: Switches, speed: float) -> None:
        self.around = Surrounding(folder, switches, speed)
        self.host: Host = make_host(self.around, self._fleet)

    def _fleet(self, spec: EndpointSpec, listener: FleetListener) -> Fleet:
        around = self.around
        premises = Premises(
            around.folder / "instances",
            around.objects,
            around.clock,
            around.switches,
            around.faults,
            around.logs,
        )
        return InstanceFleet(spec, ProcessLauncher([str(STUB)], {}), premises, listener)

    def await_status(self, status: EndpointStatus) -> None:
        eventually(lambda: self.host.state("reader").status is status, status)

    def submit(self, name: str, sent: bytes = b"{}") -> None:
        self.host.submit(self.around.invocation(name, sent))

    def endings(self, count: int) -> list[Ending | None]:
        return [entry.ending for entry in self.around.journal.wait(Step.ENDED, count)]


def told_by_environment(**environment: str) -> EndpointSpec:
    spec = endpoint_spec()
    model = replace(spec.variant.model, environment=environment)
    return replace(spec, variant=replace(spec.variant, model=model))


BuildLive = Callable[..., Live]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[BuildLive]:
    """With an endpoint in service."""
    built = []

    def build_one(
        switches: Switches | None = None, *, speed: float = 1.0, count: int = 1, slots: int = 1
    ) -> Live:
        built.append(Live(tmp_path, switches or Switches(), speed))
        built[-1].host.create(endpoint_spec(slots, initial_instance_count=count))
        built[-1].await_status(EndpointStatus.IN_SERVICE)
        return built[-1]

    yield build_one
    for live in built:
        live.host.close()
    assert not [
        one.name for one in threading.enumerate() if one.name.startswith(("queue-", "deliver-", "endpoint-"))
    ]


def test_hundreds_of_invocations_over_four_instances_are_each_delivered_once(build: BuildLive) -> None:
    live = build(count=4, slots=4)
    names = [f"job-{number}" for number in range(300)]
    for name in names:
        live.submit(name, name.encode())
    assert set(live.endings(len(names))) == {Ending.COMPLETED}
    assert [entry.inference_id for entry in live.around.journal.of(Step.ASSIGNED)] == names
    used = {entry.instance_id for entry in live.around.journal.of(Step.ASSIGNED)}
    assert used == {view.instance_id for view in live.host.instances("reader")}


def test_an_update_with_jobs_in_flight_loses_none(build: BuildLive) -> None:
    live = build(count=2)
    for number in range(6):
        live.submit(f"job-{number}", b'{"seconds": 0.4}')
    live.around.journal.wait(Step.DOWNLOADED, 2)
    old = {view.instance_id for view in live.host.instances("reader")}
    live.host.update(endpoint_spec(config="second", initial_instance_count=2))
    assert live.endings(6) == [Ending.COMPLETED] * 6
    live.await_status(EndpointStatus.IN_SERVICE)
    assert not old & {view.instance_id for view in live.host.instances("reader")}
    assert {entry.delivery for entry in live.around.journal.of(Step.ASSIGNED)} == {1}


@pytest.mark.parametrize("is_chosen", [False, True], ids=["by-switch", "for-this-kill"])
@pytest.mark.parametrize(
    ("fate", "num_uploads"), [(Fate.LOST, 0), (Fate.REDELIVERED, 1), (Fate.DUPLICATED, 2)]
)
def test_an_instance_killed_mid_request_is_replaced_and_its_work_meets_its_fate(
    build: BuildLive, fate: Fate, num_uploads: int, is_chosen: bool
) -> None:
    live = build(Switches(in_flight_fate=Fate.LOST if is_chosen else fate, redelivery_seconds=5), speed=20)
    live.submit("one", b'{"seconds": 0.5}')
    live.around.journal.wait(Step.DOWNLOADED)
    killed = live.host.kill_instance("reader", None, fate if is_chosen else None)
    (ending,) = live.endings(1)
    assert ending is (Ending.COMPLETED if num_uploads else Ending.LOST)
    assert len(live.around.journal.of(Step.UPLOADED)) == num_uploads
    live.submit("two")
    live.endings(2)
    assert live.around.journal.of(Step.ASSIGNED)[-1].instance_id != killed


def test_a_container_that_exits_under_a_request_is_an_instance_that_went_away(build: BuildLive) -> None:
    live = build()
    live.submit("one", b'{"exit": 1}')
    assert live.endings(1) == [Ending.LOST]
    assert not live.around.logs.data_log()


def test_work_is_lost_when_scaling_in_stops_its_instance(build: BuildLive) -> None:
    live = build()
    live.submit("one", b'{"seconds": 60}')
    live.around.journal.wait(Step.DOWNLOADED)
    live.host.set_desired_count("reader", 0)
    assert live.endings(1) == [Ending.LOST]
    live.submit("two")
    assert live.host.backlog("reader").waiting == 1
    live.host.set_desired_count("reader", 1)
    assert live.endings(2)[1] is Ending.COMPLETED


def test_an_update_that_no_machine_is_there_for_rolls_back(build: BuildLive) -> None:
    live = build()
    live.around.faults.add(Fault(FaultKind.NO_CAPACITY))
    live.host.update(endpoint_spec(config="second"))
    live.await_status(EndpointStatus.IN_SERVICE)
    assert "InsufficientInstanceCapacity" in (live.host.state("reader").failure_reason or "")
    assert live.host.spec("reader").config_name == "first"
    live.submit("one")
    assert live.endings(1) == [Ending.COMPLETED]


def test_ctrl_c_while_containers_take_their_time_to_stop_kills_them(tmp_path: Path) -> None:
    live = Live(tmp_path, Switches(), 1.0)
    live.host.create(told_by_environment(STUB_TERM="ignore"))
    live.await_status(EndpointStatus.IN_SERVICE)
    process = live.host.instances("reader")[0].pid
    assert process is not None
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        live.host.close()
    timer.join()
    assert not Path(f"/proc/{process}").exists()


def test_a_container_that_does_not_start_fails_the_endpoint(tmp_path: Path) -> None:
    live = Live(tmp_path, Switches(), 1.0)
    live.host.create(told_by_environment(STUB_EXIT="3"))
    live.await_status(EndpointStatus.FAILED)
    assert live.host.state("reader").failure_reason
    live.host.delete("reader")
    eventually(lambda: not live.host.names())
    live.host.close()


def test_a_scale_out_without_capacity_does_not_lock_the_endpoint(build: BuildLive) -> None:
    live = build()
    live.around.faults.add(Fault(FaultKind.NO_CAPACITY))
    live.host.set_desired_count("reader", 2)
    live.await_status(EndpointStatus.IN_SERVICE)
    state = live.host.state("reader")
    assert (state.current_instance_count, state.desired_instance_count) == (1, 2)
    live.host.set_desired_count("reader", 1)
    live.await_status(EndpointStatus.IN_SERVICE)
    live.submit("one")
    assert live.endings(1) == [Ending.COMPLETED]


def test_an_update_ends_when_the_time_of_the_last_that_it_waited_for_runs_out(build: BuildLive) -> None:
    live = build(speed=10)
    live.host.submit(live.around.invocation("slow", b'{"seconds": 600}', timeout_seconds=20))
    live.around.journal.wait(Step.DOWNLOADED)
    live.host.update(endpoint_spec(config="second"))
    eventually(lambda: live.host.spec("reader").config_name == "second")
    assert live.host.state("reader").status is EndpointStatus.UPDATING
    live.await_status(EndpointStatus.IN_SERVICE)
    assert live.endings(1) == [Ending.TIMED_OUT]


def test_what_a_host_that_was_killed_has_left_is_deleted(tmp_path: Path) -> None:
    left = Surrounding(tmp_path).neighbours().scratch_file()
    left.write_bytes(b"x")
    Live(tmp_path, Switches(), 1.0).host.close()
    assert not left.exists()


def test_an_update_is_not_held_up_by_a_container_that_works_on_one_whose_time_ran_out(
    build: BuildLive,
) -> None:
    live = build()
    slow = live.around.invocation("slow", b'{"seconds": 600}', timeout_seconds=1)
    live.host.submit(slow)
    assert live.endings(1) == [Ending.TIMED_OUT]
    live.submit("next")
    assert live.host.backlog("reader").waiting == 1
    live.host.update(endpoint_spec(config="second"))
    live.await_status(EndpointStatus.IN_SERVICE)
    assert live.host.spec("reader").config_name == "second"
    assert live.endings(2)[1] is Ending.COMPLETED
