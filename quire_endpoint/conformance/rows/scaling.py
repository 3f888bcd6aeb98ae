"""What happens at no instance, and when the number of instances is changed by hand?"""

from __future__ import annotations

from dataclasses import dataclass

from quire_endpoint.conformance.deployment import VARIANT, Deployed
from quire_endpoint.conformance.plans import SCALED
from quire_endpoint.conformance.row import Claim, Proof, Subject, same
from quire_endpoint.conformance.stage import Stage, Ticket

_GUIDE = "Developer Guide, async-inference-autoscale"
_MONITOR = "Developer Guide, async-inference-monitor"
_MOST = 3
_CUT_OFF_SECONDS = 900
"""What the request that is cut off would take."""


@dataclass(frozen=True)
class Asleep:
    """An endpoint without an instance, and a request that waits there."""

    deployed: Deployed
    ticket: Ticket


def set_count(stage: Stage, deployed: Deployed, count: int) -> None:
    stage.clients.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=deployed.name,
        DesiredWeightsAndCapacities=[{"VariantName": VARIANT, "DesiredInstanceCount": count}],
    )
    stage.target.until(
        lambda: counts(stage, deployed) == (count, count) or None, 1800, f"number of {count} instances"
    )


def counts(stage: Stage, deployed: Deployed) -> tuple[int, int]:
    """Desired and current."""
    (variant,) = stage.clients.sagemaker.describe_endpoint(EndpointName=deployed.name)["ProductionVariants"]
    return variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]


def asleep(stage: Stage) -> Asleep:
    deployed = stage.endpoint(SCALED)
    set_count(stage, deployed, 0)
    ticket = stage.invoke(deployed)
    stage.target.wait(180)
    return Asleep(deployed, ticket)


@Claim(
    Subject.ZERO,
    "UpdateEndpointWeightsAndCapacities to 0 leaves the endpoint InService without an instance.",
    Proof.SEEN,
    "a third party's runbook",
    (SCALED,),
    minutes=5,
)
def zero_in_service(stage: Stage) -> None:
    deployed = stage.once(asleep).deployed
    same((stage.deployment.status(deployed.name), counts(stage, deployed)), ("InService", (0, 0)))


@Claim(
    Subject.ZERO,
    "At no instance a request is accepted, and waits.",
    Proof.DOCUMENTED,
    _GUIDE,
    (SCALED,),
    minutes=5,
)
def zero_keeps_requests(stage: Stage) -> None:
    same(stage.found(stage.once(asleep).ticket), None)


@Claim(
    Subject.ZERO,
    "HasBacklogWithoutCapacity is 1 while requests wait at no instance.",
    Proof.DOCUMENTED,
    _MONITOR,
    (SCALED,),
    minutes=5,
)
def backlog_without_capacity(stage: Stage) -> None:
    name = stage.once(asleep).deployed.name
    stage.readings.await_value("HasBacklogWithoutCapacity", name, "Count", has_variant=False)


@Claim(
    Subject.ZERO,
    "A request that waited at no instance is served once there is one.",
    Proof.DOCUMENTED,
    _GUIDE,
    (SCALED,),
    minutes=10,
)
def zero_wakes(stage: Stage) -> None:
    sleeping = stage.once(asleep)
    set_count(stage, sleeping.deployed, 1)
    stage.succeeded(sleeping.ticket)


@Claim(
    Subject.ZERO,
    "Three instances of concurrency 1 work on three requests at once.",
    Proof.DOCUMENTED,
    "Developer Guide, async-inference-create-endpoint",
    (SCALED,),
    minutes=10,
)
def more_instances(stage: Stage) -> None:
    deployed = stage.once(asleep).deployed
    set_count(stage, deployed, _MOST)
    tickets = [stage.invoke(deployed, {"seconds": 60}) for _ in range(_MOST)]
    boots = {stage.report(ticket)["boot"] for ticket in tickets}
    same(len(boots), _MOST)


@Claim(
    Subject.ZERO,
    "Taking an instance away takes no notice of the request that it works on: it is cut off.",
    Proof.SEEN,
    "a third party's report of long documents that were scaled in",
    (SCALED,),
    minutes=20,
)
def scale_in_cuts_off(stage: Stage) -> None:
    deployed = stage.once(asleep).deployed
    set_count(stage, deployed, 1)
    ticket = stage.invoke(deployed, {"seconds": _CUT_OFF_SECONDS, "text": "done"})
    words = [f"conformance: request {ticket.inference_id}"]
    stage.readings.await_line(deployed.name, words, is_data_log=False)
    set_count(stage, deployed, 0)
    stage.target.wait(_CUT_OFF_SECONDS + 100)
    same(stage.found(ticket), None)


ROWS = (
    zero_in_service,
    zero_keeps_requests,
    backlog_without_capacity,
    zero_wakes,
    more_instances,
    scale_in_cuts_off,
)
