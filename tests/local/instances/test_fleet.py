"""A fleet keeps real containers at the desired number, and says so."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Fault, FaultKind
from tests.fakes.processes import is_alive
from tests.fakes.running_fleet import fleet_of, invoke, spec_of


def test_nothing_starts_before_it_is_asked_for(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        assert running.fleet.desired_count == 0
        assert not running.fleet.views()


def test_an_instance_comes_into_service_and_goes(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"STUB_SAYS": "hello"})) as running:
        running.fleet.set_desired_count(1)
        assert running.fleet.desired_count == 1
        (instance,) = running.in_service()
        assert (instance.endpoint_name, instance.variant_name) == ("scans", "AllTraffic")
        view = running.view(instance.instance_id)
        assert (view.port, view.warning) == (instance.port, None)
        running.await_that(lambda: "hello" in running.lines(instance.instance_id))
    assert running.listener.of(instance.instance_id) == ["in service", "leaving", "gone"]
    assert running.listener.causes[instance.instance_id] == "ended with exit status 0"
    assert running.fleet.is_gone()
    assert view.pid is not None
    assert not is_alive(view.pid)
    assert not list((tmp_path / "instances").iterdir())


def test_that_it_is_gone_is_the_last_that_is_told(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        seen: list[bool] = []
        running.listener.on_change = lambda: seen.append(running.fleet.is_gone())
        running.fleet.set_desired_count(1)
        running.in_service()
        running.fleet.retire()
        running.await_that(lambda: seen[-1])
    assert seen == sorted(seen)


def test_too_many_go_the_youngest_first(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        running.fleet.set_desired_count(1)
        (oldest,) = running.in_service()
        running.fleet.set_desired_count(3)
        running.in_service(3)
        running.fleet.set_desired_count(1)
        running.await_that(lambda: running.phases() == ["in service"])
        assert [view.instance_id for view in running.fleet.views()] == [oldest.instance_id]
        running.fleet.set_desired_count(0)
        running.await_that(lambda: not running.fleet.views())


def test_one_that_is_killed_is_replaced_without_a_warning(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        running.fleet.set_desired_count(1)
        (first,) = running.in_service()
        assert running.fleet.kill(first.instance_id)
        running.await_that(lambda: running.listener.causes)
        (second,) = running.in_service()
        assert running.listener.of(first.instance_id) == ["in service", "gone"]
        assert running.listener.causes[first.instance_id] == "ended by SIGKILL"
        assert second.instance_id != first.instance_id
        assert not running.fleet.kill(first.instance_id)
        assert running.fleet.failure_reason is None


def test_one_that_ends_by_itself_is_replaced(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        running.fleet.set_desired_count(1)
        (first,) = running.in_service()
        with pytest.raises(OSError):
            invoke(first.port, exit=7)
        running.await_that(lambda: running.listener.causes)
        assert running.listener.causes[first.instance_id] == "ended with exit status 7"
        (second,) = running.in_service()
        assert second.instance_id != first.instance_id


def test_one_that_fails_its_pings_is_unhealthy_and_replaced(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(), clock=Clock(60)) as running:
        running.fleet.set_desired_count(1)
        (first,) = running.in_service()
        invoke(first.port, ping=503)
        running.await_that(lambda: running.listener.causes)
        assert running.listener.of(first.instance_id) == ["in service", "leaving", "gone"]
        assert running.listener.causes[first.instance_id] == "unhealthy (ping: status 503), ended by SIGKILL"
        running.in_service()


def test_one_that_does_not_answer_its_pings_is_unhealthy(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(), pings_failed_to_replace=1, ping_interval_seconds=0.1) as running:
        running.fleet.set_desired_count(1)
        (first,) = running.in_service()
        invoke(first.port, ping="hang")
        running.await_that(lambda: running.listener.causes)
        assert "no answer within 2 s" in running.listener.causes[first.instance_id]


def test_a_container_that_ends_at_its_start_fails_the_deployment(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"STUB_EXIT": "3", "STUB_SAYS": "no weights found"})) as running:
        running.fleet.set_desired_count(2)
        reason = running.failure()
        assert reason.startswith(
            "CannotStartContainerError. Please ensure the model container for variant Al"
        )
        assert "ended with exit status 3" in reason
        assert reason.endswith("no weights found")
        running.await_that(lambda: not running.fleet.views())
        assert not running.listener.told


def test_a_container_that_never_passes_a_ping_fails_the_deployment(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"STUB_PING": "503"}, startup_seconds=1)) as running:
        running.fleet.set_desired_count(1)
        reason = running.failure()
        assert reason.startswith(
            "The primary container for production variant AllTraffic did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        assert "status 503" in reason


def test_a_startup_window_is_real_time_at_any_speed(tmp_path: Path) -> None:
    spec = spec_of({"STUB_START_SECONDS": "0.5"}, startup_seconds=15)
    with fleet_of(tmp_path, spec, clock=Clock(600)) as running:
        running.fleet.set_desired_count(1)
        running.in_service()


def test_without_capacity_a_deployment_fails(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        running.faults.add(Fault(FaultKind.NO_CAPACITY))
        running.fleet.set_desired_count(1)
        assert "InsufficientInstanceCapacity" in running.failure()


def test_without_capacity_a_running_endpoint_waits_for_it(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(), clock=Clock(600)) as running:
        running.fleet.set_desired_count(1)
        running.in_service()
        running.faults.add(Fault(FaultKind.NO_CAPACITY, times=2))
        running.fleet.set_desired_count(2)
        assert "InsufficientInstanceCapacity" in running.await_that(lambda: running.fleet.setback)
        running.in_service(2)
        running.await_that(lambda: running.fleet.setback is None)
        assert not running.faults.all()
        assert running.fleet.failure_reason is None


def test_provisioning_takes_its_time_by_the_clock(tmp_path: Path) -> None:
    clock = Clock(1000)
    with fleet_of(tmp_path, spec_of(), clock=clock, provision_seconds=300) as running:
        began = clock.now()
        running.fleet.set_desired_count(1)
        running.await_that(lambda: running.phases() == ["provisioning"])
        running.in_service()
        assert clock.now() - began >= 300


def test_one_that_drains_goes_when_it_is_idle(tmp_path: Path) -> None:
    busy = threading.Event()
    busy.set()
    with fleet_of(tmp_path, spec_of()) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        running.fleet.retire(lambda name: not busy.is_set())
        running.await_that(lambda: running.listener.of(instance.instance_id) == ["in service", "leaving"])
        assert running.fleet.current_count == 0
        running.fleet.wake()
        assert invoke(instance.port, seconds=0.3) == {"seconds": 0.3}
        assert not running.fleet.is_gone()
        busy.clear()
        running.fleet.wake()
        running.await_that(running.fleet.is_gone)
        assert running.listener.of(instance.instance_id) == ["in service", "leaving", "gone"]


def test_thirty_seconds_to_stop_are_real_ones_at_any_speed(tmp_path: Path) -> None:
    with (
        fleet_of(tmp_path, spec_of({"STUB_TERM": "drain"}), clock=Clock(600)) as running,
        ThreadPoolExecutor() as pool,
    ):
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        told = {"says": "at work", "seconds": 1}
        answered = pool.submit(invoke, instance.port, **told)
        running.await_that(lambda: "at work" in running.lines(instance.instance_id))
        running.fleet.set_desired_count(0)
        assert answered.result() == told
        running.await_that(lambda: running.listener.causes)
        assert running.lines(instance.instance_id)[-1] == "stub container ends"


def test_an_impatient_user_need_not_wait_thirty_seconds(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"STUB_TERM": "ignore"})) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        view = running.view(instance.instance_id)
        ctrl_c = threading.Timer(0.3, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
        ctrl_c.start()
        with pytest.raises(KeyboardInterrupt):
            running.fleet.close()
        ctrl_c.join()
        assert running.fleet.is_gone()
        assert view.pid is not None
        assert not is_alive(view.pid)
        assert running.listener.causes == {instance.instance_id: "ended by SIGKILL"}


def test_another_concurrency_than_the_containers_is_shouted_about(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"STUB_CONCURRENCY": "1"}, concurrency=4)) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        warning = running.await_that(lambda: running.view(instance.instance_id).warning)
        assert "sends 4 invocations at once" in warning
        assert "MaxConcurrentTransforms 1" in warning
        assert f"[quire local] {warning}" in running.lines(instance.instance_id)
