"""What users register by boto3, as the scaler reads it, and what it writes, as they see it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from quire_endpoint.local.clock import Clock, as_date
from quire_endpoint.local.scaling.aggregates import Series
from quire_endpoint.local.scaling.alarms import (
    Alarm,
    AlarmState,
    Comparison,
    MathMetric,
    Metric,
    Missing,
    Rule,
)
from quire_endpoint.local.scaling.autoscaler import Autoscaler
from quire_endpoint.local.scaling.called_board import CalledBoard
from quire_endpoint.local.scaling.decisions import Capacity, Change
from quire_endpoint.local.scaling.metrics import CloudWatchMetrics
from quire_endpoint.local.scaling.policies import (
    Adjustment,
    ScalableTarget,
    Step,
    StepPolicy,
    TrackingPolicy,
    place_of,
)
from quire_endpoint.local.scaling.series_values import values_of
from quire_endpoint.local.switches import Switches
from tests.local.scaling.registered import (
    of_endpoint,
    put_tracking,
    put_waking,
    register_target,
    resource,
)

NOW = 1_900_000_020.0
PER_INSTANCE = Metric("AWS/SageMaker", "ApproximateBacklogSizePerInstance", (("EndpointName", "documents"),))


@pytest.fixture
def board(cloudwatch: Any, autoscaling: Any) -> CalledBoard:
    return CalledBoard(cloudwatch, autoscaling)


def put(cloudwatch: Any, metric: Metric, *values: float | None) -> None:
    """A value for each of the minutes up to NOW."""
    minutes = range(-len(values), 0)
    cloudwatch.put_metric_data(
        Namespace=metric.namespace,
        MetricData=[
            {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                "Timestamp": as_date(NOW + minute * 60),
                "Value": value,
            }
            for minute, value in zip(minutes, values, strict=True)
            if value is not None
        ],
    )


def test_targets_and_policies_are_read_as_they_were_registered(
    board: CalledBoard, cloudwatch: Any, autoscaling: Any
) -> None:
    register_target(autoscaling, "documents")
    autoscaling.register_scalable_target(
        SuspendedState={"DynamicScalingInSuspended": True}, **resource("documents")
    )
    tracking = put_tracking(autoscaling, "documents", ScaleInCooldown=900, DisableScaleIn=True)
    waking = put_waking(autoscaling, cloudwatch, "documents")
    target = ScalableTarget("documents", "AllTraffic", 0, 3, is_scale_in_suspended=True)
    assert board.targets() == [target]
    assert board.policies() == [
        TrackingPolicy(
            "backlog",
            tracking,
            target.resource_id,
            PER_INSTANCE,
            5.0,
            in_cooldown_seconds=900.0,
            is_scale_in_disabled=True,
        ),
        StepPolicy(
            "HasBacklogWithoutCapacity-ScalingPolicy",
            waking,
            target.resource_id,
            Adjustment.CHANGE,
            (Step(1, lower=0),),
        ),
    ]
    [alarm] = board.alarms()
    metric = Metric("AWS/SageMaker", "HasBacklogWithoutCapacity", (("EndpointName", "documents"),))
    assert alarm.rule == Rule(metric, Comparison.AT_LEAST, 1.0, 2, 2, 60, Missing.MISSING)
    assert alarm.actions == (waking,)


def test_a_policy_that_is_put_again_keeps_its_place_under_a_new_arn(
    board: CalledBoard, autoscaling: Any
) -> None:
    register_target(autoscaling, "documents")
    first, second = (put_tracking(autoscaling, "documents") for _ in range(2))
    assert place_of(first) == place_of(second) == place_of(f"{second}:createdBy/somebody")
    [policy] = board.policies()
    assert policy.arn == second


def test_values_are_placed_by_their_minutes(board: CalledBoard, cloudwatch: Any) -> None:
    put(cloudwatch, PER_INSTANCE, 1.0, None, 3.0, 5.0)
    assert board.values(PER_INSTANCE, NOW, 60, 6) == [None, None, 1.0, None, 3.0, 5.0]
    assert board.values(PER_INSTANCE, NOW - 60, 60, 3) == [1.0, None, 3.0]
    assert board.values(PER_INSTANCE, NOW, 120, 2) == [1.0, 4.0]
    other = Metric("AWS/SageMaker", PER_INSTANCE.name, (("EndpointName", "others"),))
    assert board.values(other, NOW, 60, 3) == [None, None, None]


def test_what_the_metrics_of_a_minute_become_is_what_alarms_see(
    board: CalledBoard, url: str, region: str
) -> None:
    metrics = CloudWatchMetrics(url, Clock())
    for value in (2.0, 4.0):
        metrics.add(Series(PER_INSTANCE.name, "Count", "documents"), value, NOW - 60)
    metrics.flush(NOW, {"documents": region}.get)
    metrics.close()
    assert board.values(PER_INSTANCE, NOW, 60, 2) == [None, 3.0]


def test_an_alarm_that_is_written_is_read_back_as_it_was(board: CalledBoard) -> None:
    mathematics = MathMetric(
        "IF(total > 3, total, 0)",
        {"a": PER_INSTANCE, "b": Metric("Mine", "InFlight", unit="Count")},
        {"total": "a+b"},
    )
    for name, metric in (("plain", PER_INSTANCE), ("mathematics", mathematics)):
        board.put_alarm(Alarm(name, Rule(metric, Comparison.BELOW, 4.5, 15, 15), ("arn:aws:action",)))
    board.set_state("plain", AlarmState.ALARM, "because")
    plain, other = board.alarms()
    assert plain.rule == Rule(PER_INSTANCE, Comparison.BELOW, 4.5, 15, 15)
    assert (plain.actions, plain.state) == (("arn:aws:action",), AlarmState.ALARM)
    assert other.rule == Rule(mathematics, Comparison.BELOW, 4.5, 15, 15)
    board.delete_alarms(["plain", "mathematics"])
    assert board.alarms() == []


def test_metric_math_is_computed_moment_by_moment(board: CalledBoard, cloudwatch: Any) -> None:
    in_flight = Metric("Mine", "InFlight")
    put(cloudwatch, PER_INSTANCE, 1.0, 2.0, None)
    put(cloudwatch, in_flight, None, 4.0, 8.0)
    metric = MathMetric("half + FILL(a, 0)", {"a": PER_INSTANCE, "b": in_flight}, {"half": "b / 2"})
    rule = Rule(metric, Comparison.ABOVE, 1.0, 1, 1)
    assert values_of(board, rule, NOW) == [None, 4.0, 4.0]


def test_a_tracked_metric_may_be_mathematics_in_any_order(board: CalledBoard, autoscaling: Any) -> None:
    """What the field report's protection of long jobs is made of."""
    statistic = {"Metric": {"Namespace": "Mine", "MetricName": "InFlight"}, "Stat": "Sum"}
    register_target(autoscaling, "documents")
    autoscaling.put_scaling_policy(
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 1.0,
            "CustomizedMetricSpecification": {
                "Metrics": [
                    {"Id": "load", "Expression": "MAX([half, 0])", "ReturnData": True},
                    {"Id": "half", "Expression": "running / 2", "ReturnData": False},
                    {"Id": "running", "MetricStat": statistic, "ReturnData": False},
                ]
            },
        },
        **resource("documents"),
    )
    [policy] = board.policies()
    assert isinstance(policy, TrackingPolicy)
    running = Metric("Mine", "InFlight", statistic="Sum")
    assert policy.metric == MathMetric("MAX([half, 0])", {"running": running}, {"half": "running / 2"})


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"ExtendedStatistic": "p99"}, "statistic None"),
        ({"Statistic": "Average", "Metrics": []}, None),
        ({"Metrics": [{"Id": "e", "Expression": "SEARCH('x', 'Sum')"}]}, "SEARCH"),
        ({"Metrics": [{"Id": "e", "Expression": "missing + 1"}]}, "missing"),
        ({"Statistic": "Average", "ComparisonOperator": "LessThanLowerThreshold"}, "fixed threshold"),
    ],
)
def test_what_cannot_be_evaluated_is_warned_of_once_and_left_alone(
    board: CalledBoard,
    cloudwatch: Any,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, Any],
    complaint: str | None,
) -> None:
    named = {} if fields.get("Metrics") else {"Namespace": "Mine", "MetricName": "Any", "Period": 60}
    settings = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1}
    cloudwatch.put_metric_alarm(AlarmName="odd", **{**named, **settings, **fields})
    with caplog.at_level(logging.WARNING):
        found = [len(board.alarms()) for _ in range(2)]
    assert found == ([1, 1] if complaint is None else [0, 0])
    lines = [record.getMessage() for record in caplog.records if "odd" in record.getMessage()]
    assert len(lines) == (complaint is not None)
    assert all(complaint in line for line in lines if complaint)


def steps(board: CalledBoard, capacity: Capacity, *minutes: int) -> list[Change]:
    autoscaler = Autoscaler(board, Switches(are_metrics_late=False))
    return [change for minute in minutes for change in autoscaler.step(NOW + minute * 60, lambda _: capacity)]


def test_target_tracking_makes_its_two_alarms_and_takes_them_away(
    board: CalledBoard, cloudwatch: Any, autoscaling: Any
) -> None:
    register_target(autoscaling, "documents")
    arn = put_tracking(autoscaling, "documents")
    put(cloudwatch, PER_INSTANCE, 14.0, 14.0, 14.0)
    [change] = steps(board, Capacity(1, 1, True), 0)
    assert (change.before, change.after) == (1, 3)
    low, high = sorted(
        cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"],
        key=lambda alarm: bool(alarm["Threshold"] == 5.0),
    )
    assert high["AlarmName"].startswith("TargetTracking-endpoint/documents/variant/AllTraffic-AlarmHigh-")
    assert (high["EvaluationPeriods"], high["ComparisonOperator"]) == (3, "GreaterThanThreshold")
    assert (low["EvaluationPeriods"], low["Threshold"], low["ComparisonOperator"]) == (
        15,
        4.5,
        "LessThanThreshold",
    )
    assert (high["StateValue"], low["StateValue"]) == ("ALARM", "OK")
    assert "3 out of the last 3 datapoints" in high["StateReason"]
    assert all(alarm["AlarmActions"][0].startswith(arn) for alarm in (high, low))
    assert all(alarm["Dimensions"] == of_endpoint("documents") for alarm in (high, low))
    put_tracking(autoscaling, "documents", TargetValue=8.0, DisableScaleIn=True)
    steps(board, Capacity(1, 1, True), 0)
    [left] = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (left["AlarmName"], left["Threshold"]) == (high["AlarmName"], 8.0)
    autoscaling.deregister_scalable_target(**resource("documents"))
    assert not steps(board, Capacity(1, 1, True), 0)
    assert not cloudwatch.describe_alarms()["MetricAlarms"]


def test_switched_off_actions_change_a_state_and_nothing_else(
    board: CalledBoard, cloudwatch: Any, autoscaling: Any
) -> None:
    register_target(autoscaling, "documents")
    put_waking(autoscaling, cloudwatch, "documents")
    waiting = Metric("AWS/SageMaker", "HasBacklogWithoutCapacity", (("EndpointName", "documents"),))
    put(cloudwatch, waiting, 1.0, 1.0)
    [name] = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert not steps(board, Capacity(0, 0, True), 0)
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    [change] = steps(board, Capacity(0, 0, True), 0)
    assert (change.before, change.after) == (0, 1)


def test_the_predefined_metric_never_acts_on_an_async_endpoint(
    board: CalledBoard, cloudwatch: Any, autoscaling: Any
) -> None:
    register_target(autoscaling, "documents")
    autoscaling.put_scaling_policy(
        PolicyName="invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
        **resource("documents"),
    )
    assert not steps(board, Capacity(1, 1, True), 0, 1)
    states = {alarm["StateValue"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert states == {"INSUFFICIENT_DATA"}
