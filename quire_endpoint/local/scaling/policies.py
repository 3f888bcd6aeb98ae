"""What has been registered with Application Auto Scaling for an endpoint?"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from quire_endpoint.local.scaling.alarms import MathMetric, Metric

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
SERVICE = "sagemaker"

DEFAULT_COOLDOWN_SECONDS = 300.0
"""Of endpoint variants, out and in: TargetTrackingScalingPolicyConfiguration and
StepScalingPolicyConfiguration in the Application Auto Scaling API."""


@dataclass(frozen=True)
class ScalableTarget:
    """A registered variant and the bounds of its instance count."""

    endpoint_name: str
    variant_name: str
    min_capacity: int
    max_capacity: int
    is_scale_out_suspended: bool = False
    is_scale_in_suspended: bool = False

    @property
    def resource_id(self) -> str:
        return f"endpoint/{self.endpoint_name}/variant/{self.variant_name}"

    def bounded(self, capacity: int) -> int:
        return max(self.min_capacity, min(self.max_capacity, capacity))


class Adjustment(enum.StrEnum):
    """AdjustmentType."""

    CHANGE = "ChangeInCapacity"
    EXACT = "ExactCapacity"
    PERCENT = "PercentChangeInCapacity"


@dataclass(frozen=True)
class Step:
    """`lower` and `upper` bound how far the metric is from the alarm's threshold; None does not bound."""

    adjustment: int
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class StepPolicy:
    """Acts when an alarm that somebody made names its ARN."""

    name: str
    arn: str
    resource_id: str
    adjustment: Adjustment
    steps: tuple[Step, ...]
    min_magnitude: int = 0
    cooldown_seconds: float = DEFAULT_COOLDOWN_SECONDS


@dataclass(frozen=True)
class TrackingPolicy:
    """Acts by two alarms that Application Auto Scaling makes for it."""

    name: str
    arn: str
    resource_id: str
    metric: Metric | MathMetric
    target_value: float
    out_cooldown_seconds: float = DEFAULT_COOLDOWN_SECONDS
    in_cooldown_seconds: float = DEFAULT_COOLDOWN_SECONDS
    is_scale_in_disabled: bool = False


Policy = StepPolicy | TrackingPolicy


def place_of(policy_arn: str) -> str:
    """The part of a policy's ARN that stays when the policy is put once more: moto gives it a new id each
    time, AWS does not, and alarms that name the first must go on working. A target tracking alarm's action
    has `:createdBy/…` behind it, which is not of the policy."""
    return policy_arn.partition(":resource/")[2].partition(":createdBy/")[0]
