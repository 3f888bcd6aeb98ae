"""What does UpdateEndpoint do to an endpoint at work?"""

from __future__ import annotations

from quire_endpoint.conformance.plans import UPDATED, Plan
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage


def _update(stage: Stage, plan: Plan, name: str, environment: dict[str, str]) -> None:
    """To a new configuration whose containers have more in their environment."""
    deployed, sagemaker = stage.endpoint(plan), stage.clients.sagemaker
    other = f"{stage.mark}-{name}"
    model = stage.deployment.model(plan, other)
    model["PrimaryContainer"]["Environment"].update(environment)
    sagemaker.create_model(**model)
    stage.at_end(lambda: stage.deployment.remove(other))
    config = stage.deployment.config(plan, other)
    config["ProductionVariants"][0]["ContainerStartupHealthCheckTimeoutInSeconds"] = 60
    sagemaker.create_endpoint_config(**config)
    sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=other)


@Claim(
    Subject.CONTROL,
    "UpdateEndpoint loses no request that runs or waits.",
    Proof.ASSUMED,
    "no statement; switch is-update-draining",
    (UPDATED,),
    minutes=10,
)
def update_loses_nothing(stage: Stage) -> None:
    deployed = stage.endpoint(UPDATED)
    before = stage.ask(deployed)["boot"]
    tickets = [stage.invoke(deployed, {"seconds": 60, "text": "done"}) for _ in range(3)]
    _update(stage, UPDATED, "next", {"CONFORMANCE_WORD": "next"})
    for ticket in tickets:
        stage.succeeded(ticket, 1800)
    stage.deployment.await_status(deployed.name)
    told = stage.ask(deployed)
    same(told["environ"].get("CONFORMANCE_WORD"), "next")
    expect(told["boot"] != before, "the old container")


@Claim(
    Subject.CONTROL,
    "An update whose container does not become healthy is rolled back; the old one serves on.",
    Proof.DOCUMENTED,
    "API reference, DescribeEndpoint",
    (UPDATED,),
    minutes=20,
)
def failed_update_rolled_back(stage: Stage) -> None:
    deployed = stage.endpoint(UPDATED)
    before = stage.ask(deployed)["boot"]
    _update(stage, UPDATED, "broken", {"CONFORMANCE_START_SECONDS": "86400"})
    stage.deployment.await_status(deployed.name, among=("RollingBack",))
    same(stage.ask(deployed)["boot"], before)


ROWS = (update_loses_nothing, failed_update_rolled_back)
