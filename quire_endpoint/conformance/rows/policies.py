"""What happens under AWS's two scaling policies?"""

from __future__ import annotations

from typing import Any

from quire_endpoint.conformance.deployment import VARIANT, Deployed
from quire_endpoint.conformance.plans import TRACKED
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.rows.scaling import Asleep, counts, set_count
from quire_endpoint.conformance.stage import Stage

_GUIDE = "Developer Guide, async-inference-autoscale"
_LONG_SECONDS = 3600.0
_MOST = 3


def _resource(deployed: Deployed) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{deployed.name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def _track(stage: Stage, deployed: Deployed) -> None:
    """AWS's own example: five requests of backlog an instance."""
    autoscaling = stage.clients.autoscaling
    autoscaling.register_scalable_target(**_resource(deployed), MinCapacity=0, MaxCapacity=_MOST)
    stage.at_end(lambda: autoscaling.deregister_scalable_target(**_resource(deployed)))
    autoscaling.put_scaling_policy(
        **_resource(deployed),
        PolicyName="Invocations-ScalingPolicy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [{"Name": "EndpointName", "Value": deployed.name}],
                "Statistic": "Average",
            },
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 300,
        },
    )


def _wake_on_backlog(stage: Stage, deployed: Deployed) -> None:
    """AWS's remedy, with its figures."""
    policy = stage.clients.autoscaling.put_scaling_policy(
        **_resource(deployed),
        PolicyName="HasBacklogWithoutCapacity-ScalingPolicy",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    alarm = f"{deployed.name}-has-backlog"
    stage.at_end(lambda: stage.clients.cloudwatch.delete_alarms(AlarmNames=[alarm]))
    stage.clients.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        Dimensions=[{"Name": "EndpointName", "Value": deployed.name}],
        AlarmActions=[policy["PolicyARN"]],
    )


def tracked(stage: Stage) -> Asleep:
    """Under target tracking alone; one request has waited for ten minutes at no instance."""
    deployed = stage.endpoint(TRACKED)
    set_count(stage, deployed, 0)
    _track(stage, deployed)
    ticket = stage.invoke(deployed)
    stage.target.wait(600)
    return Asleep(deployed, ticket)


def woken(stage: Stage) -> Deployed:
    """By the step policy."""
    sleeping = stage.once(tracked)
    _wake_on_backlog(stage, sleeping.deployed)
    stage.succeeded(sleeping.ticket, 1800)
    return sleeping.deployed


def grown(stage: Stage) -> int:
    """The most instances there were while sixteen requests of two minutes each were worked on: all end before
    fifteen minutes have passed below the target, when instances are taken away."""
    deployed = stage.once(woken)
    tickets = [stage.invoke(deployed, {"seconds": 120, "text": "done"}) for _ in range(16)]
    most = stage.target.until(
        lambda: _MOST if counts(stage, deployed)[1] == _MOST else None, _LONG_SECONDS, "third instance"
    )
    for ticket in tickets:
        stage.succeeded(ticket, _LONG_SECONDS)
    return most


@Claim(
    Subject.ZERO,
    "Target tracking makes two alarms, which DescribeAlarms shows.",
    Proof.DOCUMENTED,
    "Application Auto Scaling User Guide, target tracking",
    (TRACKED,),
    minutes=15,
)
def tracking_alarms(stage: Stage) -> None:
    name = stage.once(tracked).deployed.name
    told: list[dict[str, Any]] = stage.clients.cloudwatch.describe_alarms(
        AlarmNamePrefix=f"TargetTracking-endpoint/{name}/variant/{VARIANT}-Alarm"
    )["MetricAlarms"]
    same(sorted("High" if "-AlarmHigh-" in one["AlarmName"] else "Low" for one in told), ["High", "Low"])


@Claim(
    Subject.ZERO,
    "Target tracking alone leaves a request waiting that is fewer than its target, at no instance.",
    Proof.DOCUMENTED,
    _GUIDE,
    (TRACKED,),
    minutes=15,
)
def tracking_does_not_wake(stage: Stage) -> None:
    sleeping = stage.once(tracked)
    if woken not in stage.happened:
        same((stage.found(sleeping.ticket), counts(stage, sleeping.deployed)), (None, (0, 0)))


@Claim(
    Subject.ZERO,
    "The step policy on HasBacklogWithoutCapacity wakes the endpoint.",
    Proof.DOCUMENTED,
    _GUIDE,
    (TRACKED,),
    minutes=15,
)
def step_policy_wakes(stage: Stage) -> None:
    stage.once(woken)


@Claim(
    Subject.ZERO,
    "A backlog of more than the target brings more instances, up to MaxCapacity.",
    Proof.DOCUMENTED,
    _GUIDE,
    (TRACKED,),
    minutes=40,
)
def scales_out(stage: Stage) -> None:
    same(stage.once(grown), _MOST)


@Claim(
    Subject.ZERO,
    "Without work the endpoint goes back to MinCapacity, which may be 0.",
    Proof.DOCUMENTED,
    _GUIDE,
    (TRACKED,),
    minutes=60,
)
def scales_in(stage: Stage) -> None:
    stage.once(grown)
    deployed = stage.endpoint(TRACKED)
    stage.target.until(
        lambda: counts(stage, deployed)[0] == 0 or None, 2 * _LONG_SECONDS, "return to no instance"
    )
    expect(stage.deployment.status(deployed.name) in ("InService", "Updating"), "not in service")


ROWS = (tracking_alarms, tracking_does_not_wake, step_policy_wakes, scales_out, scales_in)
