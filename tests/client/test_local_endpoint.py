"""The client and the local endpoint: unmodified boto3 between them, over sockets, and a real container."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import boto3
import pytest

from quire_endpoint.client import (
    AsyncEndpointClient,
    CannotRead,
    ClientSettings,
    Document,
    Failed,
    Outcome,
    Request,
    StillWaiting,
    Succeeded,
)
from quire_endpoint.client.clock import WallClock
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.notices import subscribe_queue
from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.up import LocalEndpoint
from quire_endpoint.s3_location import S3Location
from tests.fakes.local_async_endpoint import BUCKET, ENDPOINT, PREFIX, await_that


@pytest.fixture
def client(local: LocalEndpoint) -> Iterator[AsyncEndpointClient]:
    with AsyncEndpointClient(ENDPOINT, input_prefix=PREFIX) as made:
        yield made
    local.faults.clear()


@pytest.fixture
def queue_url(local: LocalEndpoint) -> str:
    topics = [topic["TopicArn"] for topic in boto3.client("sns").list_topics()["Topics"]]
    return subscribe_queue(boto3.Session(), f"q-{time.time_ns()}", topics)


def told(outcome: Outcome, client: AsyncEndpointClient) -> bytes:
    assert isinstance(outcome, Succeeded), outcome
    return client.read(outcome)


def test_inline_file_and_object(client: AsyncEndpointClient, tmp_path: Path) -> None:
    (tmp_path / "größe.txt").write_bytes(b"y" * 200_000)
    boto3.client("s3").put_object(Bucket=BUCKET, Key="ä/ö.txt", Body=b"from S3")
    jobs = [
        client.submit(b"inline"),
        client.submit(tmp_path / "größe.txt"),
        client.submit(Document(S3Location(BUCKET, "ä/ö.txt"), content_type="text/plain")),
    ]
    answers = {outcome.reference: told(outcome, client) for outcome in client.as_completed(jobs, seconds=60)}
    assert answers == {
        jobs[0].reference: b"inline",
        jobs[1].reference: b"y" * 200_000,
        jobs[2].reference: b"from S3",
    }


def test_container_sees_its_deadline_and_the_reference(client: AsyncEndpointClient) -> None:
    request = Request(options={"answer": "report"}, timeout_seconds=600)
    job = client.submit(Document(b"1", "invoice-17.pdf"), request)
    seen = told(client.wait(job, seconds=60), client).decode()
    assert "deadline_seconds=570;answer=report;ref=invoice-17.pdf" in seen
    assert job.inference_id in seen


def test_models_error(client: AsyncEndpointClient) -> None:
    body = json.dumps({"error": {"code": "document_encrypted", "message": "locked", "retryable": False}})
    job = client.submit(body.encode(), Request(options={"status": 422}))
    outcome = client.wait(job, seconds=60)
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.calls) == ("document_encrypted", 1)


def test_retryable_error_goes_to_the_container_three_times(client: AsyncEndpointClient) -> None:
    body = json.dumps({"error": {"code": "engine_lost", "message": "again", "retryable": True}})
    outcome = client.wait(client.submit(body.encode(), Request(options={"status": 503})), seconds=60)
    assert isinstance(outcome, Failed)
    assert outcome.calls == 3


def test_download_is_whole_or_not_there(client: AsyncEndpointClient, tmp_path: Path) -> None:
    outcome = client.wait(client.submit(b"abc"), seconds=60)
    assert isinstance(outcome, Succeeded)
    client.download(outcome, tmp_path / "a.out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.out"]
    boto3.client("s3").delete_object(Bucket=outcome.output.bucket, Key=outcome.output.key)
    with pytest.raises(CannotRead, match=r"cannot be read: .*NoSuchKey"):
        client.read(outcome)


def test_role_without_list_bucket(client: AsyncEndpointClient, local: LocalEndpoint) -> None:
    local.faults.add(Fault(FaultKind.NO_LIST_BUCKET))
    job = client.submit(b"1", Request(options={"seconds": 1}))
    assert isinstance(client.wait(job, seconds=60), Succeeded)


def test_wait_by_notification(local: LocalEndpoint, queue_url: str) -> None:
    """S3 is not asked before a notification has come."""
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=queue_url, MessageBody='{"eventName": "TestNotification"}')
    sqs.send_message(QueueUrl=queue_url, MessageBody="of somebody else")
    with AsyncEndpointClient(ENDPOINT, queue_url=queue_url) as client:
        jobs = [client.submit(b"good"), client.submit(b"bad", Request(options={"status": 500}))]
        outcomes = {outcome.reference: outcome for outcome in client.as_completed(jobs, seconds=60)}
    assert [type(outcomes[job.reference]) for job in jobs] == [Succeeded, Failed]


def test_notification_that_comes_twice_or_late(local: LocalEndpoint, queue_url: str, tmp_path: Path) -> None:
    """After the outcome it changes nothing, and leaves the queue."""
    with AsyncEndpointClient(ENDPOINT, queue_url=queue_url, ledger=tmp_path / "ledger.sqlite") as client:
        job = client.submit(b"1")
        first = client.wait(job, seconds=60)
        again = {"inferenceId": job.inference_id, "invocationStatus": "Failed"}
        for _ in range(2):
            boto3.client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(again))
        other = client.submit(b"2")
        client.wait(other, seconds=60)
        assert client.wait(job) == first


def test_cut_off_call_is_found_by_its_notification(
    local: LocalEndpoint, queue_url: str, tmp_path: Path
) -> None:
    """Nothing else would tell where its failure lies."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    job = ledger.enter(Document(b"1", "cut off"), Request(), keeps_body=True)
    attempt = ledger.intend(job, time.time())
    assert attempt is not None
    boto3.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=ENDPOINT,
        Body=b"no",
        CustomAttributes="status=500",
        InferenceId=attempt.inference_id,
        ContentType="text/plain",
    )
    ledger.close()
    with AsyncEndpointClient(ENDPOINT, queue_url=queue_url, ledger=tmp_path / "ledger.sqlite") as client:
        (outcome,) = client.resume(seconds=60)
    assert isinstance(outcome, Failed)
    assert outcome.calls == 1
    assert "server error (500)" in outcome.error.message


def test_queue_that_is_not_there_ends_the_wait(local: LocalEndpoint) -> None:
    with AsyncEndpointClient(ENDPOINT, queue_url=f"{local.url}/123456789012/absent") as client:
        job = client.submit(b"1", Request(options={"seconds": 5}))
        with pytest.raises(CannotRead, match="absent cannot be read"):
            client.wait(job, seconds=60)


class HastyClock(WallClock):
    """For a client to which twenty seconds are one."""

    def __init__(self) -> None:
        self._began = super().now()

    def now(self) -> float:
        return self._began + 20 * (super().now() - self._began)

    def wait(self, seconds: float, futures: Collection[Future[Any]]) -> None:
        super().wait(seconds / 20, futures)


def test_throttled_calls_are_made_again(local: LocalEndpoint) -> None:
    local.faults.add(Fault(FaultKind.THROTTLING, times=2))
    documents = [Document(b"1", f"{number}") for number in range(6)]
    with AsyncEndpointClient(ENDPOINT, clock=HastyClock()) as client:
        outcomes = list(client.submit_many(documents, seconds=600))
    assert [type(outcome) for outcome in outcomes] == [Succeeded] * 6
    assert sum(outcome.calls for outcome in outcomes) == 8


def test_job_on_a_killed_instance_is_submitted_again(local: LocalEndpoint) -> None:
    """The endpoint's default fate of what ran there: nothing is written and nobody told."""
    request = Request(ttl_seconds=60, timeout_seconds=10, options={"seconds": 1})
    settings = ClientSettings(slack_seconds=10)
    with AsyncEndpointClient(ENDPOINT, clock=HastyClock(), settings=settings) as client:
        job = client.submit(b"1", request)
        await_that(
            lambda: any(job.inference_id in one.in_flight for one in local.host.instances(ENDPOINT)),
            "the job runs",
        )
        assert local.host.kill_instance(ENDPOINT, None) is not None
        outcome = client.wait(job)
    assert isinstance(outcome, Succeeded)
    assert outcome.calls in (2, 3)


def test_two_threads_wait_at_once(local: LocalEndpoint, queue_url: str) -> None:
    outcomes: list[Outcome] = []
    with AsyncEndpointClient(ENDPOINT, queue_url=queue_url) as client:
        jobs = [client.submit(b"1", Request(options={"seconds": 1})) for _ in range(2)]
        threads = [
            threading.Thread(target=lambda job=job: outcomes.append(client.wait(job, seconds=60)))
            for job in jobs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [type(outcome) for outcome in outcomes] == [Succeeded, Succeeded]


def test_upload_of_any_size_keeps_nobody_waiting(local: LocalEndpoint, tmp_path: Path) -> None:
    """It is given up, and nothing of it stays."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(200_000_000)
    s3 = boto3.client("s3")
    with AsyncEndpointClient(ENDPOINT, input_prefix=f"s3://{BUCKET}/huge") as client:
        with pytest.raises(StillWaiting):
            list(client.submit_many([tmp_path / "huge"], seconds=0.01))
        assert client.num_unfinished() == 1
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="huge")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
