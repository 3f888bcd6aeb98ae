"""The examples, run against the local endpoint as AWS would run them."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from quire_endpoint.client.notices import subscribe_queue
from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.up import LocalEndpoint
from tests.fakes.local_async_endpoint import BUCKET, ENDPOINT, ROLE, await_that

EXAMPLES = Path(__file__).parents[2] / "examples"


def lambda_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def submitting(local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ENDPOINT_NAME", ENDPOINT)
    monkeypatch.setenv("INPUT_PREFIX", "incoming/")
    monkeypatch.setenv("FAILED_QUEUE_URL", boto3.client("sqs").create_queue(QueueName="failed")["QueueUrl"])
    return lambda_module("lambda_submit")


@pytest.fixture(scope="module")
def arrivals(local: LocalEndpoint) -> str:
    """A queue that S3 tells of every new object of the bucket."""
    sqs = boto3.client("sqs")
    url: str = sqs.create_queue(QueueName="arrivals")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    return url


def messages(queue_url: str, count: int) -> list[Any]:
    """The next ones, parsed."""
    sqs, found = boto3.client("sqs"), []

    def come() -> bool:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
        return len(found) >= count

    await_that(come, f"{count} messages come")
    return found


def test_object_that_arrives_is_submitted_once(
    submitting: ModuleType, arrivals: str, local: LocalEndpoint
) -> None:
    s3 = boto3.client("s3")
    names = ("Rechnung März+1.pdf", "plain name.pdf", "two  spaces", "one behind ", "a/")
    for key in (*(f"incoming/{name}" for name in names), "elsewhere/b.pdf"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"%PDF")
    events = [event for event in messages(arrivals, 6) if "Records" in event]
    ids = [name for event in events for name in submitting.handler(event)]
    assert len(ids) == 4
    again = [name for event in events for name in submitting.handler(event)]
    assert again == ids
    outputs = local.journal
    await_that(lambda: all(outputs.timeline(name)[-1].ending == "completed" for name in ids), "all end")


def record(key: str) -> dict[str, Any]:
    """As S3 tells of an object."""
    return {"s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "sequencer": "1"}}}


def test_answers_are_not_submitted(submitting: ModuleType) -> None:
    keys = ["incoming/x.out", "incoming/x-error.out", "outputs/x.pdf", "incoming/", "incoming%2Fy/"]
    assert submitting.handler({"Records": [record(key) for key in keys]}) == []


def test_endpoint_that_would_feed_itself_is_given_nothing(
    submitting: ModuleType, local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "INPUT_PREFIX", "outputs/")
    num_accepted = len(local.journal.latest(1000))
    with pytest.raises(RuntimeError, match="where documents arrive"):
        submitting.handler({"Records": [record("outputs/a.pdf")]})
    assert len(local.journal.latest(1000)) == num_accepted


def test_one_throttled_record_repeats_no_other(submitting: ModuleType, local: LocalEndpoint) -> None:
    for name in "ab":
        boto3.client("s3").put_object(Bucket=BUCKET, Key=f"incoming/{name}.pdf", Body=b"%PDF")
    num_accepted = len(local.journal.latest(1000))
    local.faults.add(Fault(FaultKind.THROTTLING, times=1))
    (accepted,) = submitting.handler({"Records": [record("incoming/a.pdf"), record("incoming/b.pdf")]})
    (event,) = messages(submitting.FAILED_QUEUE_URL, 1)
    (later,) = submitting.handler({"Records": [{"body": json.dumps(event)}]})
    assert accepted != later
    assert len(local.journal.latest(1000)) == num_accepted + 2
    local.faults.add(Fault(FaultKind.THROTTLING, times=1))
    with pytest.raises(ClientError, match="Throttling"):
        submitting.handler({"Records": [record("incoming/a.pdf")]})
    local.faults.clear()


@pytest.fixture
def notices(local: LocalEndpoint) -> str:
    """It stays: moto's topics deliver nothing more once a queue of theirs is gone."""
    topics = [topic["TopicArn"] for topic in boto3.client("sns").list_topics()["Topics"]]
    return subscribe_queue(boto3.Session(), "for-lambda", topics)


def test_notifications_become_outcomes(local: LocalEndpoint, notices: str) -> None:
    runtime = boto3.client("sagemaker-runtime")
    error = {"error": {"code": "engine_lost", "message": "again", "retryable": True}}
    for body, attributes in (
        (b'Answer: {"schema":"quire.document/1","status":"partial","pages":[]}', "seconds=0"),
        (json.dumps(error).encode(), "status=503"),
    ):
        runtime.invoke_endpoint_async(
            EndpointName=ENDPOINT, Body=body, ContentType="text/plain", CustomAttributes=attributes
        )
    told = [{"Sns": {"Message": envelope["Message"]}} for envelope in messages(notices, 2)]
    test = {"Sns": {"Message": '{"eventName": "TestNotification"}'}}
    outcomes = lambda_module("lambda_notified").handler({"Records": [test, *told]})
    by_status = {outcome["status"]: outcome for outcome in outcomes}
    assert set(by_status) == {"partial", "failed"}
    assert by_status["partial"]["output"].startswith(f"s3://{BUCKET}/outputs/")
    assert by_status["failed"]["reason"]


def test_failure_object_is_read_where_its_place_is_told(local: LocalEndpoint) -> None:
    error = {"error": {"code": "engine_lost", "message": "again", "retryable": True}}
    boto3.client("s3").put_object(Bucket=BUCKET, Key="failures/x-error.out", Body=json.dumps(error).encode())
    message = {
        "inferenceId": "i",
        "invocationStatus": "Failed",
        "failureReason": "ClientError",
        "responseParameters": {"failureLocation": f"s3://{BUCKET}/failures/x-error.out"},
    }
    event = {"Records": [{"Sns": {"Message": json.dumps(message)}}]}
    (outcome,) = lambda_module("lambda_notified").handler(event)
    assert (outcome["code"], outcome["retryable"]) == ("engine_lost", True)


def run(example: str, *arguments: str | Path) -> None:
    before = sys.argv
    sys.argv = [example, *map(str, arguments)]
    try:
        runpy.run_path(str(EXAMPLES / example), run_name="__main__")
    finally:
        sys.argv = before


def test_batch(local: LocalEndpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents, answers = tmp_path / "documents", tmp_path / "answers"
    (documents / "deep").mkdir(parents=True)
    (documents / "a.txt").write_text("one")
    (documents / "deep" / "a.txt").write_text("two")
    num_accepted = len(local.journal.latest(1000))
    for spelling in (documents, documents / "deep" / ".."):
        run("batch.py", ENDPOINT, spelling, answers)
        assert (answers / "a.txt.json").read_text() == "one"
        assert (answers / "deep" / "a.txt.json").read_text() == "two"
        assert capsys.readouterr().out == "2 documents, 0 not read in full\n"
    assert len(local.journal.latest(1000)) == num_accepted + 2


def test_batch_transform(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """moto stands for SageMaker here: the local endpoint has no Batch Transform. By its server, since its
    decorators would forget the queues and topics of the local endpoint."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
    ):
        monkeypatch.setenv(name, value)
    try:
        boto3.client("sagemaker").create_model(
            ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"}
        )
        run("batch_transform.py", "m", "s3://a/documents/", "s3://a/answers/")
    finally:
        server.stop()
    assert capsys.readouterr().out.splitlines()[-1] == "Completed"
    job = runpy.run_path(str(EXAMPLES / "batch_transform.py"))
    assert job["CONCURRENCY"] * job["MAX_PAYLOAD_MB"] <= 100
