"""The Developer Guide's policies as a user registers them, by boto3."""

from __future__ import annotations

from typing import Any

DIMENSION = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


def resource(endpoint_name: str) -> dict[str, str]:
    return {**DIMENSION, "ResourceId": f"endpoint/{endpoint_name}/variant/AllTraffic"}


def of_endpoint(endpoint_name: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint_name}]


def register_target(autoscaling: Any, endpoint_name: str, least: int = 0, most: int = 3) -> None:
    autoscaling.register_scalable_target(MinCapacity=least, MaxCapacity=most, **resource(endpoint_name))


def put_tracking(autoscaling: Any, endpoint_name: str, **settings: Any) -> str:
    """Returns the policy's ARN."""
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": of_endpoint(endpoint_name),
        "Statistic": "Average",
    }
    configuration = {"TargetValue": 5.0, "CustomizedMetricSpecification": metric, **settings}
    answer = autoscaling.put_scaling_policy(
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
        **resource(endpoint_name),
    )
    return str(answer["PolicyARN"])


def put_waking(autoscaling: Any, cloudwatch: Any, endpoint_name: str) -> str:
    """Returns the policy's ARN."""
    answer = autoscaling.put_scaling_policy(
        PolicyName="HasBacklogWithoutCapacity-ScalingPolicy",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
        **resource(endpoint_name),
    )
    cloudwatch.put_metric_alarm(
        AlarmName=f"HasBacklogWithoutCapacity-{endpoint_name}",
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=of_endpoint(endpoint_name),
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[answer["PolicyARN"]],
    )
    return str(answer["PolicyARN"])
