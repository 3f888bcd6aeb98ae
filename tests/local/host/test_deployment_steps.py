"""One deployment without its thread: what each look at the fleets changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quire_endpoint.local.host.deployment import Crewed, Deployment
from quire_endpoint.local.host.gate import Gate
from quire_endpoint.local.queue.dispatcher import Dispatcher
from quire_endpoint.local.specs import EndpointStatus
from tests.fakes.fleet_on_command import FleetOnCommand
from tests.fakes.recording_neighbours import Surrounding, endpoint_spec


class Steps:
    """A deployment of fleets that do nothing by themselves."""

    def __init__(self, queue: Dispatcher) -> None:
        self.queue = queue
        self.fleets: list[FleetOnCommand] = []
        self.deployment = Deployment(self.crewed("first"), lambda instance_id: True)

    def crewed(self, config: str) -> Crewed:
        spec = endpoint_spec(config=config)
        gate = Gate(spec, self.queue, lambda: None)
        self.fleets.append(FleetOnCommand(spec, gate, 1, is_prompt=False))
        return Crewed(spec, self.fleets[-1], gate)

    def status(self) -> EndpointStatus:
        """After two looks: the second must change nothing."""
        self.deployment.advance()
        status = self.deployment.status
        self.deployment.advance()
        assert self.deployment.status is status
        return status


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Steps]:
    queue = Dispatcher(endpoint_spec(), Surrounding(tmp_path).neighbours(), lambda: None)
    made = Steps(queue)
    made.fleets[0].bring_up()
    assert made.status() is EndpointStatus.IN_SERVICE
    yield made
    queue.close()


def test_an_update_ends_when_the_old_instances_are_gone(steps: Steps) -> None:
    steps.deployment.update(steps.crewed("second"))
    assert steps.status() is EndpointStatus.UPDATING
    steps.fleets[1].bring_up()
    steps.deployment.advance()
    assert steps.deployment.serving.spec.config_name == "second"
    assert steps.status() is EndpointStatus.UPDATING
    steps.fleets[0].finish()
    assert steps.status() is EndpointStatus.IN_SERVICE
    assert steps.fleets[0].is_closed and not steps.fleets[1].is_retired


def test_an_update_that_fails_ends_when_the_new_instances_are_gone(steps: Steps) -> None:
    steps.deployment.update(steps.crewed("second"))
    steps.fleets[1].bring_up(1)
    steps.fleets[1].fail("no")
    assert steps.status() is EndpointStatus.ROLLING_BACK
    steps.fleets[1].finish()
    assert steps.status() is EndpointStatus.IN_SERVICE
    assert steps.deployment.failure_reason == "no" and not steps.fleets[0].is_retired


def test_a_later_update_clears_the_reason_of_an_earlier_failure(steps: Steps) -> None:
    steps.deployment.update(steps.crewed("second"))
    steps.fleets[1].fail("no")
    assert steps.status() is EndpointStatus.IN_SERVICE
    steps.deployment.update(steps.crewed("third"))
    assert steps.deployment.failure_reason is None


def test_an_instance_that_is_replaced_changes_no_status(steps: Steps) -> None:
    steps.fleets[0].die(steps.fleets[0].up[0])
    assert steps.status() is EndpointStatus.IN_SERVICE


def test_both_fleets_are_scaled_during_an_update(steps: Steps) -> None:
    steps.deployment.update(steps.crewed("second"))
    steps.deployment.scale(3)
    assert [fleet.desired_count for fleet in steps.fleets] == [3, 3]
    assert steps.status() is EndpointStatus.UPDATING


def test_a_scale_out_that_does_not_succeed_leaves_the_endpoint_in_service_with_the_count_desired(
    steps: Steps,
) -> None:
    steps.deployment.scale(3)
    assert steps.status() is EndpointStatus.UPDATING
    steps.fleets[0].hold_back("no machine")
    assert steps.status() is EndpointStatus.IN_SERVICE
    assert steps.fleets[0].desired_count == 3 and steps.deployment.failure_reason is None
    steps.deployment.scale(2)
    assert steps.status() is EndpointStatus.UPDATING
    steps.fleets[0].bring_up()
    assert steps.status() is EndpointStatus.IN_SERVICE
