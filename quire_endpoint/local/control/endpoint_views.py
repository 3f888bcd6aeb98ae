"""What do DescribeEndpoint and ListEndpoints tell of an endpoint?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quire_endpoint.local.control.catalogue import Created, CreatedEndpoint
from quire_endpoint.local.control.configs import variant_of
from quire_endpoint.local.control.listing import Listed
from quire_endpoint.local.specs import EndpointSpec, EndpointState, EndpointStatus

_ECHOED = ("AsyncInferenceConfig", "MetricsConfig", "CrossRegionTrafficConfig")


@dataclass(frozen=True)
class Running:
    """An endpoint: as it was asked for, and as the host has it."""

    created: CreatedEndpoint
    spec: EndpointSpec
    state: EndpointState

    @property
    def config(self) -> Created:
        """What it runs, or is to run first."""
        return self.created.configs[self.spec.config_name]

    @property
    def modified_seconds(self) -> float:
        return max(self.created.modified_seconds, self.state.changed_seconds)


def summary(running: Running) -> dict[str, Any]:
    return {
        "EndpointName": running.created.name,
        "EndpointArn": running.created.arn,
        "CreationTime": running.created.created_seconds,
        "LastModifiedTime": running.modified_seconds,
        "EndpointStatus": running.state.status.value,
    }


def listed(running: Running) -> Listed:
    return Listed(
        running.created.name,
        running.created.created_seconds,
        summary(running),
        running.modified_seconds,
        running.state.status.value,
    )


def description(running: Running) -> dict[str, Any]:
    """Without ProductionVariants until the first deployment stands: AWS shows none before."""
    told = {**summary(running), "EndpointConfigName": running.spec.config_name}
    if running.state.status not in (EndpointStatus.CREATING, EndpointStatus.FAILED):
        told["ProductionVariants"] = [_variant(running)]
    if running.state.failure_reason:
        told["FailureReason"] = running.state.failure_reason
    if running.created.deployment:
        told["LastDeploymentConfig"] = running.created.deployment
    asked = running.config.request
    return {**told, **{name: asked[name] for name in _ECHOED if name in asked}}


def _variant(running: Running) -> Mapping[str, Any]:
    image, asked = running.spec.variant.model.image, variant_of(running.config.request)
    weight = asked.get("InitialVariantWeight", 1.0)
    told = {
        "VariantName": running.spec.variant.name,
        "DeployedImages": [
            {
                "SpecifiedImage": image,
                "ResolvedImage": image,
                "ResolutionTime": running.created.created_seconds,
            }
        ],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": running.state.current_instance_count,
        "DesiredInstanceCount": running.state.desired_instance_count,
    }
    if "InstancePools" in asked:
        told["InstancePools"] = [
            {
                "InstanceType": running.spec.variant.instance_type,
                "CurrentInstanceCount": running.state.current_instance_count,
            }
        ]
    return told
