"""What moto does well, through the one URL that AWS_ENDPOINT_URL names."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from quire_endpoint.local.ports import NotificationFailed
from quire_endpoint.local.url.topics import SnsTopics
from tests.fakes.bare_url import BareUrl
from tests.fakes.own_callers import Callers


def subscribed(sns: Any, sqs: Any, name: str) -> tuple[str, str]:
    """A new topic's ARN and the URL of the queue that hears it."""
    topic = sns.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=named["QueueArn"])
    return topic, url


def taken(sqs: Any, url: str) -> Any:
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    return json.loads(message["Body"])


def test_by_the_environment_alone(bare: BareUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", bare.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    session = boto3.session.Session()
    sns, sqs, sts = session.client("sns"), session.client("sqs"), session.client("sts")
    topic, url = subscribed(sns, sqs, "environment")
    assert topic == "arn:aws:sns:eu-west-1:123456789012:environment"
    assert url == f"{bare.url}/123456789012/environment"
    sns.publish(TopicArn=topic, Message="text")
    assert taken(sqs, url)["Message"] == "text"
    assert sts.get_caller_identity()["Account"] == "123456789012"
    for client in (sns, sqs, sts):
        client.close()


def test_topics_of_the_endpoint(bare: BareUrl, callers: Callers) -> None:
    sqs = callers("sqs")
    topic, url = subscribed(callers("sns"), sqs, "results")
    topics = SnsTopics(bare.url)
    topics.publish(topic, '{"a": "ü"}')
    envelope = taken(sqs, url)
    assert (envelope["Message"], envelope.get("Subject")) == ('{"a": "ü"}', None)
    with pytest.raises(NotificationFailed, match="NotFound"):
        topics.publish(f"{topic}-gone", "text")
    with pytest.raises(NotificationFailed, match="is not the ARN"):
        topics.publish("results", "text")
    topics.close()


def test_topics_when_nothing_listens() -> None:
    topics = SnsTopics("http://127.0.0.1:1")
    with pytest.raises(NotificationFailed, match="Could not connect"):
        topics.publish("arn:aws:sns:us-east-1:123456789012:results", "text")
    topics.close()


def test_metrics_alarms_and_scaling(callers: Callers) -> None:
    cloudwatch, scaling = callers("cloudwatch"), callers("application-autoscaling")
    now = datetime.now(UTC)
    value = {"MetricName": "ApproximateBacklogSize", "Timestamp": now, "Value": 3.0, "Unit": "Count"}
    cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=[value])
    read = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="ApproximateBacklogSize",
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Average"],
    )
    assert [point["Average"] for point in read["Datapoints"]] == [3.0]
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/one/variant/all",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=3)
    [found] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (found["ResourceId"], found["MinCapacity"]) == ("endpoint/one/variant/all", 0)


def test_roles(callers: Callers) -> None:
    iam = callers("iam")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["role"]


def test_no_site_may_read_what_moto_answers(bare: BareUrl) -> None:
    """A browser asks before it sends what a site's page wrote."""
    connection = http.client.HTTPConnection("127.0.0.1", bare.server.port, timeout=20)
    for method, origin in (("OPTIONS", "http://localhost:3000"), ("GET", "http://localhost:3000")):
        connection.request(method, "/?Action=ListTopics&Version=2010-03-31", headers={"Origin": origin})
        answer = connection.getresponse()
        answer.read()
        assert [name for name, _ in answer.getheaders() if name.lower().startswith("access-control-")] == []
    connection.close()
