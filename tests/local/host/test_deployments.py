"""An endpoint is created, updated, scaled, deleted: what is its status, who serves, and what of its queue?"""

from __future__ import annotations

import pytest

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.ports import NoSuchEndpoint
from quire_endpoint.local.specs import EndpointStatus
from quire_endpoint.local.switches import Switches
from tests.fakes.recording_neighbours import ERROR, SUCCESS, endpoint_spec
from tests.fakes.scripted_container import ScriptedContainer
from tests.local.host.conftest import BuildStage, Stage, eventually


def in_service(build: BuildStage, switches: Switches | None = None, count: int = 1) -> Stage:
    stage = build(switches)
    stage.host.create(endpoint_spec(initial_instance_count=count))
    stage.await_status(EndpointStatus.IN_SERVICE)
    return stage


def test_it_is_creating_until_all_instances_are_in_service(build: BuildStage) -> None:
    stage = build(is_prompt=False)
    stage.host.create(endpoint_spec(initial_instance_count=2))
    state = stage.host.state("reader")
    assert (state.status, state.current_instance_count, state.desired_instance_count) == (
        EndpointStatus.CREATING,
        0,
        2,
    )
    stage.fleets[0].bring_up()
    stage.await_status(EndpointStatus.IN_SERVICE)
    later = stage.host.state("reader")
    assert later.current_instance_count == 2 and later.changed_seconds > state.changed_seconds
    assert stage.host.state("reader") == later
    assert stage.host.names() == ["reader"] and stage.host.spec("reader").config_name == "first"


def test_a_first_deployment_that_fails_is_failed_and_its_instances_go(build: BuildStage) -> None:
    stage = build(is_prompt=False)
    stage.host.create(endpoint_spec())
    stage.fleets[0].fail("the container did not start")
    stage.await_status(EndpointStatus.FAILED)
    assert stage.host.state("reader").failure_reason == "the container did not start"
    assert stage.fleets[0].is_retired
    stage.host.set_desired_count("reader", 3)
    assert stage.host.state("reader").status is EndpointStatus.FAILED
    stage.host.delete("reader")
    eventually(lambda: not stage.host.names())


def test_names_that_run_already_and_names_that_do_not(build: BuildStage) -> None:
    stage = in_service(build)
    with pytest.raises(ValueError, match="reader"):
        stage.host.create(endpoint_spec())
    host = stage.host
    for call in (host.delete, host.state, host.spec, host.backlog, host.instances):
        with pytest.raises(NoSuchEndpoint):
            call("other")


def test_both_topics_are_tested_at_each_change(build: BuildStage) -> None:
    stage = in_service(build)
    eventually(lambda: [arn for arn, _ in stage.around.topics.told] == [SUCCESS, ERROR])
    stage.host.set_desired_count("reader", 2)
    eventually(lambda: len(stage.around.topics.told) == 4)
    stage.await_status(EndpointStatus.IN_SERVICE)
    stage.host.update(endpoint_spec(config="second"))
    eventually(lambda: len(stage.around.topics.told) == 6)
    assert {message["eventName"] for _, message in stage.around.topics.told} == {"TestNotification"}


def test_it_is_updating_while_it_scales_out_and_keeps_its_queue_at_zero(build: BuildStage) -> None:
    stage = in_service(build)
    stage.host.set_desired_count("reader", 0)
    stage.await_status(EndpointStatus.IN_SERVICE)
    assert stage.host.state("reader").current_instance_count == 0
    stage.host.submit(stage.around.invocation("one"))
    assert stage.host.backlog("reader").waiting == 1
    stage.fleets[0]._is_prompt = False
    stage.host.set_desired_count("reader", 2)
    assert stage.host.state("reader").status is EndpointStatus.UPDATING
    stage.fleets[0].bring_up()
    stage.await_status(EndpointStatus.IN_SERVICE)
    assert stage.around.journal.wait(Step.ENDED)[0].ending is Ending.COMPLETED


def test_an_update_moves_the_traffic_once_the_new_instances_are_up_and_loses_nothing(
    build: BuildStage,
) -> None:
    with ScriptedContainer() as container:
        container.is_answering.clear()
        stage = build(port=container.port)
        stage.host.create(endpoint_spec())
        stage.await_status(EndpointStatus.IN_SERVICE)
        stage.host.submit(stage.around.invocation("in flight"))
        stage.host.submit(stage.around.invocation("waits"))
        container.await_asked()
        stage.is_prompt = False
        stage.host.update(endpoint_spec(config="second", initial_instance_count=2))
        old, new = stage.fleets
        state = stage.host.state("reader")
        assert (state.status, state.current_instance_count) == (EndpointStatus.UPDATING, 1)
        assert stage.host.spec("reader").config_name == "first"
        new.bring_up()
        container.await_asked()
        assert stage.around.journal.of(Step.ASSIGNED)[1].instance_id in new.up
        eventually(lambda: stage.host.spec("reader").config_name == "second")
        assert old.is_retired and not old.stopped
        assert stage.host.state("reader").status is EndpointStatus.UPDATING
        container.is_answering.set()
        stage.await_status(EndpointStatus.IN_SERVICE)
    assert stage.around.journal.endings() == {"in flight": Ending.COMPLETED, "waits": Ending.COMPLETED}
    assert old.is_closed and len(stage.host.instances("reader")) == 2


def test_an_update_that_drains_nothing_loses_what_is_in_flight(build: BuildStage) -> None:
    with ScriptedContainer() as container:
        container.is_answering.clear()
        stage = build(Switches(is_update_draining=False), port=container.port)
        stage.host.create(endpoint_spec())
        stage.await_status(EndpointStatus.IN_SERVICE)
        stage.host.submit(stage.around.invocation("in flight"))
        container.await_asked()
        stage.host.update(endpoint_spec(config="second"))
        stage.await_status(EndpointStatus.IN_SERVICE)
        assert stage.around.journal.wait(Step.ENDED)[0].ending is Ending.LOST


def test_no_new_instance_works_before_all_are_up(build: BuildStage) -> None:
    stage = in_service(build)
    stage.host.set_desired_count("reader", 0)
    stage.await_status(EndpointStatus.IN_SERVICE)
    stage.is_prompt = False
    stage.host.update(endpoint_spec(config="second", initial_instance_count=2))
    new = stage.fleets[1]
    new.bring_up(1)
    stage.host.submit(stage.around.invocation("one"))
    new.die(new.up[0])
    new.bring_up()
    stage.around.journal.wait(Step.ENDED)
    assert stage.around.journal.of(Step.ASSIGNED)[0].instance_id in new.up


def test_an_update_that_fails_rolls_back_to_the_old_instances(build: BuildStage) -> None:
    stage = in_service(build)
    stage.is_prompt = False
    stage.host.update(endpoint_spec(config="second", initial_instance_count=2))
    old, new = stage.fleets
    new.bring_up(1)
    new.fail("no capacity")
    stage.await_status(EndpointStatus.ROLLING_BACK)
    new.finish()
    stage.await_status(EndpointStatus.IN_SERVICE)
    state = stage.host.state("reader")
    assert state.failure_reason == "no capacity" and not old.is_retired
    assert stage.host.spec("reader").config_name == "first"
    stage.host.submit(stage.around.invocation("one"))
    assert stage.around.journal.wait(Step.ENDED)[0].instance_id in (None, *old.up)


def test_a_deleted_endpoint_drops_its_queue_and_is_gone_when_its_instances_are(build: BuildStage) -> None:
    with ScriptedContainer() as container:
        container.is_answering.clear()
        stage = build(port=container.port, is_prompt=False)
        stage.host.create(endpoint_spec())
        stage.fleets[0].bring_up()
        stage.await_status(EndpointStatus.IN_SERVICE)
        stage.host.submit(stage.around.invocation("runs"))
        stage.host.submit(stage.around.invocation("waits"))
        container.await_asked()
        stage.host.delete("reader")
        stage.await_status(EndpointStatus.DELETING)
        with pytest.raises(NoSuchEndpoint):
            stage.host.submit(stage.around.invocation("too late"))
        stage.around.journal.wait(Step.ENDED)
        assert stage.around.journal.endings() == {"waits": Ending.DROPPED}
        stage.fleets[0].finish()
        eventually(lambda: not stage.host.names())
        assert stage.around.journal.endings()["runs"] is Ending.DROPPED
        with pytest.raises(NoSuchEndpoint):
            stage.host.state("reader")
        stage.host.create(endpoint_spec())


def test_an_endpoint_may_be_deleted_while_it_updates(build: BuildStage) -> None:
    stage = in_service(build)
    stage.is_prompt = False
    stage.host.update(endpoint_spec(config="second"))
    stage.host.delete("reader")
    eventually(lambda: not stage.host.names())
    assert all(fleet.is_closed for fleet in stage.fleets)


def test_killing_chooses_an_instance_with_work(build: BuildStage) -> None:
    with ScriptedContainer() as container:
        container.is_answering.clear()
        stage = build(port=container.port)
        stage.host.create(endpoint_spec(initial_instance_count=3))
        stage.await_status(EndpointStatus.IN_SERVICE)
        stage.host.submit(stage.around.invocation("one"))
        container.await_asked()
        (busy,) = [view.instance_id for view in stage.host.instances("reader") if view.in_flight]
        assert stage.host.kill_instance("reader", "i-none") is None
        assert stage.host.kill_instance("reader", None) == busy
        assert stage.around.journal.wait(Step.ENDED)[0].ending is Ending.LOST
        other = stage.fleets[0].up[1]
        assert stage.host.kill_instance("reader", other) == other
        assert stage.host.kill_instance("reader", None) is not None
        assert stage.host.kill_instance("reader", None) is None


def test_closing_stops_everything_whatever_it_was_doing(build: BuildStage) -> None:
    stage = in_service(build)
    stage.is_prompt = False
    stage.host.update(endpoint_spec(config="second"))
    stage.host.submit(stage.around.invocation("one"))
    stage.host.close()
    stage.host.close()
    assert all(fleet.is_closed for fleet in stage.fleets)
