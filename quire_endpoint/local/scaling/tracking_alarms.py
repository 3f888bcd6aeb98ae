"""Which two CloudWatch alarms does Application Auto Scaling make for a target tracking policy?

Their shape is what its users see in DescribeAlarms: three datapoints of a minute above the target, fifteen
below nine tenths of it. AWS prints none of the three figures.
"""

from __future__ import annotations

import uuid

from quire_endpoint.local.scaling.alarms import Alarm, Comparison, Rule
from quire_endpoint.local.scaling.policies import TrackingPolicy, place_of

HIGH_PERIODS = 3
LOW_PERIODS = 15
LOW_SHARE = 0.9
PREFIX = "TargetTracking-"

_NAMES = uuid.UUID("4f0c1e0a-5c5e-4c3a-9d2e-6d1f7b0a9e51")
"""So that a policy's alarms are known again by their names alone."""


def alarms_of(policy: TrackingPolicy) -> list[Alarm]:
    """The high one, and the low one unless scaling in is disabled."""
    high = _alarm(policy, "AlarmHigh", Comparison.ABOVE, policy.target_value, HIGH_PERIODS)
    if policy.is_scale_in_disabled:
        return [high]
    return [high, _alarm(policy, "AlarmLow", Comparison.BELOW, policy.target_value * LOW_SHARE, LOW_PERIODS)]


def is_high(alarm: Alarm) -> bool:
    return alarm.rule.comparison is Comparison.ABOVE


def _alarm(
    policy: TrackingPolicy, kind: str, comparison: Comparison, threshold: float, periods: int
) -> Alarm:
    identity = uuid.uuid5(_NAMES, f"{place_of(policy.arn)} {kind}")
    return Alarm(
        name=f"{PREFIX}{policy.resource_id}-{kind}-{identity}",
        rule=Rule(policy.metric, comparison, threshold, periods, periods),
        actions=(f"{policy.arn}:createdBy/{uuid.uuid5(_NAMES, place_of(policy.arn))}",),
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
    )
