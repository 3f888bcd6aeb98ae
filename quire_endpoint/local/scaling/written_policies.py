"""How does Application Auto Scaling write a scalable target and a scaling policy?"""

from __future__ import annotations

import re

from quire_endpoint.local.scaling.alarms import MathMetric, Metric
from quire_endpoint.local.scaling.expressions import NotEvaluated
from quire_endpoint.local.scaling.policies import (
    DEFAULT_COOLDOWN_SECONDS,
    Adjustment,
    Policy,
    ScalableTarget,
    Step,
    StepPolicy,
    TrackingPolicy,
)
from quire_endpoint.local.scaling.written_metrics import (
    Written,
    predefined_metric,
    queried_metric,
    single_metric,
)

_RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")


def read_target(written: Written) -> ScalableTarget:
    """Of DescribeScalableTargets. Raises NotEvaluated."""
    endpoint_name, variant_name = _names(written["ResourceId"])
    suspended = written.get("SuspendedState") or {}
    return ScalableTarget(
        endpoint_name=endpoint_name,
        variant_name=variant_name,
        min_capacity=int(written["MinCapacity"]),
        max_capacity=int(written["MaxCapacity"]),
        is_scale_out_suspended=bool(suspended.get("DynamicScalingOutSuspended")),
        is_scale_in_suspended=bool(suspended.get("DynamicScalingInSuspended")),
    )


def read_policy(written: Written) -> Policy:
    """Of DescribeScalingPolicies. Raises NotEvaluated."""
    if written["PolicyType"] == "StepScaling":
        return _step_policy(written, written.get("StepScalingPolicyConfiguration") or {})
    return _tracking_policy(written, written.get("TargetTrackingScalingPolicyConfiguration") or {})


def _step_policy(written: Written, settings: Written) -> StepPolicy:
    if settings.get("AdjustmentType") not in list(Adjustment):
        raise NotEvaluated(f"AdjustmentType {settings.get('AdjustmentType')} does nothing")
    steps = tuple(
        Step(
            int(one["ScalingAdjustment"]),
            one.get("MetricIntervalLowerBound"),
            one.get("MetricIntervalUpperBound"),
        )
        for one in settings.get("StepAdjustments", ())
    )
    return StepPolicy(
        name=written["PolicyName"],
        arn=written["PolicyARN"],
        resource_id=written["ResourceId"],
        adjustment=Adjustment(settings["AdjustmentType"]),
        steps=steps,
        min_magnitude=int(settings.get("MinAdjustmentMagnitude") or 0),
        cooldown_seconds=float(settings.get("Cooldown", DEFAULT_COOLDOWN_SECONDS)),
    )


def _tracking_policy(written: Written, settings: Written) -> TrackingPolicy:
    if float(settings.get("TargetValue", 0)) <= 0:
        raise NotEvaluated("a target tracking policy needs a TargetValue above 0")
    return TrackingPolicy(
        name=written["PolicyName"],
        arn=written["PolicyARN"],
        resource_id=written["ResourceId"],
        metric=_tracked(settings, written["ResourceId"]),
        target_value=float(settings["TargetValue"]),
        out_cooldown_seconds=float(settings.get("ScaleOutCooldown", DEFAULT_COOLDOWN_SECONDS)),
        in_cooldown_seconds=float(settings.get("ScaleInCooldown", DEFAULT_COOLDOWN_SECONDS)),
        is_scale_in_disabled=bool(settings.get("DisableScaleIn")),
    )


def _tracked(settings: Written, resource_id: str) -> Metric | MathMetric:
    predefined = settings.get("PredefinedMetricSpecification")
    if predefined:
        return predefined_metric(predefined, *_names(resource_id))
    customized = settings.get("CustomizedMetricSpecification") or {}
    if customized.get("Metrics"):
        return queried_metric(customized["Metrics"])
    if not customized.get("MetricName"):
        raise NotEvaluated("a target tracking policy needs a metric")
    return single_metric(customized, customized.get("Statistic"))


def _names(resource_id: str) -> tuple[str, str]:
    found = _RESOURCE.fullmatch(resource_id)
    if found is None:
        raise NotEvaluated(f"{resource_id} is not endpoint/NAME/variant/NAME")
    return found["endpoint"], found["variant"]
