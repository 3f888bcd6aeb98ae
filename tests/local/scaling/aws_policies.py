"""The two policies of the Developer Guide's page on autoscaling an async endpoint, contract section 3."""

from __future__ import annotations

from quire_endpoint.local.scaling.alarms import Alarm, Comparison, Metric, Rule
from quire_endpoint.local.scaling.policies import (
    Adjustment,
    ScalableTarget,
    Step,
    StepPolicy,
    TrackingPolicy,
)

TARGET = ScalableTarget("documents", "AllTraffic", min_capacity=0, max_capacity=3)

_ARN = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:{}:resource/sagemaker/{}:policyName/{}"


def arn_of(name: str, number: int = 1) -> str:
    return _ARN.format(number, TARGET.resource_id, name)


def of_endpoint(name: str) -> Metric:
    return Metric("AWS/SageMaker", name, (("EndpointName", TARGET.endpoint_name),))


TRACKING = TrackingPolicy(
    name="backlog",
    arn=arn_of("backlog"),
    resource_id=TARGET.resource_id,
    metric=of_endpoint("ApproximateBacklogSizePerInstance"),
    target_value=5.0,
)

WAKING = StepPolicy(
    name="HasBacklogWithoutCapacity-ScalingPolicy",
    arn=arn_of("HasBacklogWithoutCapacity-ScalingPolicy"),
    resource_id=TARGET.resource_id,
    adjustment=Adjustment.CHANGE,
    steps=(Step(1, lower=0.0),),
)

WAKING_ALARM = Alarm(
    name="HasBacklogWithoutCapacity-Alarm",
    rule=Rule(of_endpoint("HasBacklogWithoutCapacity"), Comparison.AT_LEAST, 1.0, 2, 2),
    actions=(WAKING.arn,),
)
