"""A bucket's notifications reach queues and topics in the shape that S3 gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.s3.events import S3Events
from quire_endpoint.local.s3.notifications import Notifications, Target
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.s3_location import S3Location
from tests.fakes.bare_url import BareUrl
from tests.fakes.own_callers import Callers
from tests.local.s3.seen import error_of

Receive = Callable[[], Any]


@pytest.fixture
def queue(callers: Callers, bucket: str) -> tuple[str, Receive]:
    """A new queue's ARN, and a function that takes its next message."""
    sqs = callers("sqs")
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])

    def receive() -> Any:
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=1)["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    return named["Attributes"]["QueueArn"], receive


def configure(s3: Any, bucket: str, **configuration: Any) -> None:
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def test_to_a_queue(s3: Any, bucket: str, queue: tuple[str, Receive]) -> None:
    arn, receive = queue
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".pdf"}]
    wanted = {
        "Id": "mine",
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    configure(s3, bucket, QueueConfigurations=[wanted])
    test = receive()
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    for key in ("out/a.pdf", "in/a.txt", "in/ä b+c.pdf"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"123")
    s3.copy_object(Bucket=bucket, Key="in/copy.pdf", CopySource={"Bucket": bucket, "Key": "in/a.txt"})
    s3.delete_object(Bucket=bucket, Key="in/ä b+c.pdf")
    [record] = receive()["Records"]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert (record["awsRegion"], record["s3"]["configurationId"]) == ("us-east-1", "mine")
    assert record["s3"]["bucket"]["name"] == bucket
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    stored = record["s3"]["object"]
    assert (stored["key"], stored["size"]) == ("in/%C3%A4+b%2Bc.pdf", 3)
    assert stored["eTag"] == "202cb962ac59075b964b07152d234b70"
    [removed] = receive()["Records"]
    assert removed["eventName"] == "ObjectRemoved:Delete"
    assert "size" not in removed["s3"]["object"]
    assert removed["s3"]["object"]["sequencer"] > stored["sequencer"]


def test_to_a_topic(callers: Callers, s3: Any, bucket: str, queue: tuple[str, Receive]) -> None:
    arn, receive = queue
    sns = callers("sns")
    topic = sns.create_topic(Name=bucket)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    configure(s3, bucket, TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}])
    assert json.loads(receive()["Message"])["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="k")
    envelope = receive()
    assert envelope["Subject"] == "Amazon S3 Notification"
    assert json.loads(envelope["Message"])["Records"][0]["s3"]["object"]["key"] == "k"


def test_a_destination_that_is_gone_stops_nothing(s3: Any, bucket: str, queue: tuple[str, Receive]) -> None:
    arn, receive = queue
    events = {"Events": ["s3:ObjectCreated:*"]}
    gone = {"QueueArn": f"{arn}-gone", **events}
    configure(s3, bucket, QueueConfigurations=[gone, {"QueueArn": arn, **events}])
    assert receive()["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="k")
    assert receive()["Records"][0]["s3"]["object"]["key"] == "k"


def test_configured_and_taken_back(s3: Any, bucket: str, queue: tuple[str, Receive]) -> None:
    wanted = {"Id": "mine", "QueueArn": queue[0], "Events": ["s3:ObjectCreated:*"]}
    configure(s3, bucket, QueueConfigurations=[wanted])
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert kept["QueueConfigurations"] == [wanted]
    configure(s3, bucket)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_what_is_not_understood(s3: Any, bucket: str) -> None:
    function = {
        "LambdaFunctionArn": "arn:aws:lambda:us-east-1:1:function:f",
        "Events": ["s3:ObjectCreated:*"],
    }
    refused = error_of(configure, s3=s3, bucket=bucket, LambdaFunctionConfigurations=[function])
    assert refused == ("NotImplemented", 501)
    wrong = {"QueueArn": "arn:aws:sns:us-east-1:1:topic", "Events": ["s3:ObjectCreated:*"]}
    assert error_of(configure, s3=s3, bucket=bucket, QueueConfigurations=[wrong])[0] == "InvalidArgument"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sqs:us_east_1:123456789012:q",
        "arn:aws:sqs::123456789012:q",
        "arn:aws:sqs:us-east-1:123456789012:",
        "arn:aws:sqs:us-east-1:123456789012:a b",
        "arn:aws:sqs:us-east-1:123456789012:q.fifo",
        "arn:aws:sqs:us-east-1:12345:q",
    ],
)
def test_an_arn_of_no_queue_is_refused_at_once(s3: Any, bucket: str, arn: str) -> None:
    wrong = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    assert error_of(configure, s3=s3, bucket=bucket, QueueConfigurations=[wrong]) == ("InvalidArgument", 400)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def put_unseen(store: ObjectStore, bucket: str, arn: str, num_objects: int) -> None:
    """Past the URL, and past what it would refuse of the configuration."""
    store.bucket(bucket).notifications = Notifications((Target("mine", arn, ("s3:ObjectCreated:*",)),))
    for number in range(num_objects):
        body = store.bodies.receive([b"1"])
        store.keep(store.new_object(S3Location(bucket, str(number)), body, {}))


def test_an_arn_that_no_client_takes_stops_nothing(
    s3: Any, bucket: str, bare: BareUrl, queue: tuple[str, Receive]
) -> None:
    arn, receive = queue
    put_unseen(bare.store, bucket, "arn:aws:sqs:us_east_1:123456789012:q", 1)
    configure(s3, bucket, QueueConfigurations=[{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}])
    assert receive()["Event"] == "s3:TestEvent"


def test_closing_drops_what_it_has_no_time_to_send_and_says_how_much(
    folder: Path,
    callers: Callers,
    bare: BareUrl,
    bucket: str,
    queue: tuple[str, Receive],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = ObjectStore(folder, Clock())
    store.create_bucket(bucket)
    events = S3Events(store, bare.url, close_seconds=0)
    put_unseen(store, bucket, queue[0], 200)
    events.start()
    events.close()
    [said] = [record.getMessage() for record in caplog.records if "never are" in record.getMessage()]
    sqs = callers("sqs")
    counted = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=bucket)["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    assert int(said.split()[0]) + int(counted["Attributes"]["ApproximateNumberOfMessages"]) == 200
