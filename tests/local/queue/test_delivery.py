"""From an invocation in the queue to its object, its notification, its metrics, its data-log and its journal,
by a real container."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.invocation import MAX_NOTIFIED_BODY_BYTES, Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.queue import data_log
from quire_endpoint.local.specs import NotificationSpec
from quire_endpoint.local.switches import Switches, Told
from quire_endpoint.s3_location import S3Location
from tests.fakes.recording_neighbours import ERROR, SUCCESS
from tests.fakes.scripted_container import ScriptedContainer
from tests.fakes.stub_process import StubProcess
from tests.local.queue.conftest import Bench, BuildBench

OF_A_SUCCESS = {
    "TimeInBacklog": "Milliseconds",
    "RequestDownloadLatency": "Microseconds",
    "ModelLatency": "Microseconds",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "ResponseUploadLatency": "Microseconds",
    "InvocationsProcesssed": "Count",
    "TotalProcessingTime": "Milliseconds",
}
TELLING = [Told.NOTHING, Told.NOTIFICATION, Told.OBJECT]


def end(bench: Bench, sent: bytes = b"hello", **more: object) -> Ending | None:
    """Of one invocation, named `one`."""
    bench.queue.submit(bench.around.invocation("one", sent, **more))
    return bench.around.journal.wait(Step.ENDED)[0].ending


def fault(bench: Bench, kind: FaultKind, seconds: float = 0.0) -> None:
    bench.around.faults.add(Fault(kind, "reader", times=1, seconds=seconds))


def test_a_success_is_an_object_a_notification_and_eight_metrics(bench: Bench) -> None:
    assert end(bench, content_type="text/plain", accept="text/x") is Ending.COMPLETED
    around = bench.around
    stored = around.objects.find(S3Location("bucket", "out/one.out"))
    assert stored.path.read_bytes() == b"hello" and stored.content_type == "text/plain"
    assert around.read(S3Location("bucket", "failed/one-error.out")) is None
    (told,) = around.topics.results(SUCCESS)
    assert list(told) == [
        *("awsRegion", "eventTime", "receivedTime", "invocationStatus", "requestParameters"),
        *("responseParameters", "inferenceId", "eventVersion", "eventSource", "eventName"),
    ]
    assert told["responseParameters"] == {
        "contentType": "text/plain",
        "outputLocation": "s3://bucket/out/one.out",
    }
    assert {one.name: one.unit for one in around.metrics.data} == OF_A_SUCCESS
    assert {(one.endpoint_name, one.variant_name) for one in around.metrics.data} == {("reader", "main")}
    assert [entry.step for entry in around.journal.timeline("one")] == [
        *(Step.RECEIVED, Step.ASSIGNED, Step.DOWNLOADED, Step.RESPONDED),
        *(Step.UPLOADED, Step.NOTIFIED, Step.ENDED),
    ]
    assert not around.logs.data_log() and not around.topics.results(ERROR)


def test_the_container_gets_what_the_contract_lists(bench: Bench) -> None:
    end(bench, custom_attributes="answer=report", accept="text/x", content_type="a/b")
    report = json.loads(bench.around.read(S3Location("bucket", "out/one.out")) or b"")
    headers = dict(report["headers"])
    assert headers.pop("Host").startswith("127.0.0.1:")
    assert headers == {
        "Content-Length": "5",
        "Content-Type": "a/b",
        "Accept": "text/x",
        "X-Amzn-SageMaker-Custom-Attributes": "answer=report",
        "X-Amzn-SageMaker-Inference-Id": "one",
    }


@pytest.mark.parametrize("is_forwarded", [False, True])
def test_what_the_caller_left_out_is_left_out(
    build: BuildBench, stub: StubProcess, is_forwarded: bool
) -> None:
    bench = build(Switches(is_object_type_forwarded=is_forwarded))
    bench.join("i-1", stub.port)
    end(bench, b'{"answer": "report"}')
    report = json.loads(bench.around.read(S3Location("bucket", "out/one.out")) or b"")
    names = {name for name, _ in report["headers"]} - {"Host", "Content-Length"}
    forwarded = {"Content-Type"} if is_forwarded else set()
    assert names == forwarded | {"X-Amzn-SageMaker-Inference-Id"}


def test_an_inline_body_is_sent_and_its_file_is_gone_after(bench: Bench, tmp_path: Path) -> None:
    body = tmp_path / "inline"
    body.write_bytes(b"inline")
    assert end(bench, body=body) is Ending.COMPLETED
    assert bench.around.read(S3Location("bucket", "out/one.out")) == b"inline"
    assert "inputLocation" not in bench.around.topics.results(SUCCESS)[0]["requestParameters"]
    assert not body.exists() and "RequestDownloadLatency" not in bench.around.metrics.names()


@pytest.mark.parametrize(("status", "kind"), [(400, "client"), (413, "client"), (500, "server")])
def test_a_model_error_is_final_and_its_body_is_the_failure_object(
    bench: Bench, status: int, kind: str
) -> None:
    said = b'{"status": %d, "type": "a/error"}' % status
    assert end(bench, said) is Ending.MODEL_ERROR
    around = bench.around
    stored = around.objects.find(S3Location("bucket", "failed/one-error.out"))
    assert stored.path.read_bytes() == said and stored.content_type == "a/error"
    assert around.read(S3Location("bucket", "out/one.out")) is None
    (told,) = around.topics.results(ERROR)
    assert told["invocationStatus"] == "Failed" and "responseParameters" not in told
    assert told["failureReason"] == (
        f"ClientError: Received {kind} error ({status}) from model. "
        "See the SageMaker Endpoint logs in your account for more information."
    )
    (line,) = around.logs.data_log()
    sentence = f'[one] Received {kind} error ({status}) from primary with message "{said.decode()}"'
    assert line.endswith(f":[sagemaker logs] {sentence}")
    assert around.metrics.sum("InvocationFailures") == 1
    assert around.metrics.sum("Invocation4XXErrors") == (kind == "client")
    assert around.metrics.sum("Invocation5XXErrors") == (kind == "server")
    assert len(around.journal.of(Step.ASSIGNED)) == 1


def test_without_a_failure_path_a_model_error_is_told_and_written_nowhere(bench: Bench) -> None:
    assert end(bench, b'{"status": 500}', failure=None) is Ending.MODEL_ERROR
    assert not bench.around.journal.of(Step.UPLOADED)
    assert len(bench.around.topics.results(ERROR)) == 1


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("chunked", data_log.NO_LENGTH),
        ("no-length", data_log.NO_LENGTH),
        ("big-headers", data_log.LONG_HEADERS),
    ],
)
def test_a_response_that_async_does_not_take_fails_with_its_sentence_in_the_data_log(
    bench: Bench, asked: str, sentence: str
) -> None:
    assert end(bench, b'{"fault": "%s"}' % asked.encode()) is Ending.BAD_RESPONSE
    assert bench.around.logs.data_log()[0].endswith(f"[one] {sentence}")
    assert bench.around.journal.endings() == {"one": Ending.BAD_RESPONSE}
    assert not bench.around.topics.told and not bench.around.journal.of(Step.UPLOADED)


def test_a_response_larger_than_allowed_fails(build: BuildBench, stub: StubProcess) -> None:
    bench = build(Switches(max_response_bytes=1000))
    bench.join("i-1", stub.port)
    assert end(bench, b'{"bytes": 1001}') is Ending.BAD_RESPONSE


@pytest.mark.parametrize("told", TELLING)
def test_a_failure_that_is_not_the_models_is_told_as_the_switch_has_it(
    build: BuildBench, stub: StubProcess, told: Told
) -> None:
    bench = build(Switches(failure_told=told))
    bench.join("i-1", stub.port)
    missing = S3Location("bucket", "missing")
    assert end(bench, input=missing) is Ending.DOWNLOAD_FAILED
    around = bench.around
    assert around.metrics.sum("RequestDownloadFailures") == 1
    assert "ModelLatency" not in around.metrics.names()
    assert len(around.topics.results(ERROR)) == (told is not Told.NOTHING)
    written = around.read(S3Location("bucket", "failed/one-error.out"))
    assert (written is not None) == (told is Told.OBJECT)
    assert "missing" in around.journal.of(Step.ENDED)[0].detail


@pytest.mark.parametrize("told", TELLING)
def test_what_expires_is_counted_and_told_as_the_switch_has_it(build: BuildBench, told: Told) -> None:
    bench = build(Switches(failure_told=told), speed=200)
    bench.queue.submit(bench.around.invocation("one", ttl_seconds=60))
    bench.queue.submit(bench.around.invocation("two", ttl_seconds=3600))
    (ended,) = bench.around.journal.wait(Step.ENDED)
    assert (ended.inference_id, ended.ending) == ("one", Ending.EXPIRED)
    assert bench.around.metrics.sum("ExpiredRequests") == 1
    assert len(bench.around.topics.results(ERROR)) == (told is not Told.NOTHING)
    assert bench.queue.backlog().waiting == 1


@pytest.mark.parametrize("told", TELLING)
def test_time_runs_out_and_the_slot_stays_taken_until_the_container_answers(
    build: BuildBench, told: Told
) -> None:
    bench = build(Switches(failure_told=told), speed=20)
    with ScriptedContainer() as container:
        container.is_answering.clear()
        bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("slow", timeout_seconds=2))
        bench.queue.submit(bench.around.invocation("next"))
        (ended,) = bench.around.journal.wait(Step.ENDED)
        assert (ended.inference_id, ended.ending) == ("slow", Ending.TIMED_OUT)
        assert "server error (0)" in bench.around.logs.data_log()[0]
        assert bench.around.metrics.sum("InvocationFailures") == 1
        assert len(bench.around.topics.results(ERROR)) == (told is not Told.NOTHING)
        backlog = bench.queue.backlog()
        assert (backlog.waiting, backlog.in_flight) == (1, 0) and not bench.queue.in_flight("i-1")
        assert len(container.heads) == 1
        container.is_answering.set()
        bench.around.journal.wait(Step.ENDED, 2)
    assert bench.around.journal.endings() == {"slow": Ending.TIMED_OUT, "next": Ending.COMPLETED}
    assert bench.around.read(S3Location("bucket", "out/slow.out")) is None
    assert len(bench.around.logs.data_log()) == 1


def test_closing_does_not_wait_for_a_container_that_works_on_one_whose_time_ran_out(
    build: BuildBench,
) -> None:
    bench = build(speed=20)
    with ScriptedContainer() as container:
        container.is_answering.clear()
        bench.join("i-1", container.port)
        bench.queue.submit(bench.around.invocation("slow", timeout_seconds=2))
        bench.around.journal.wait(Step.ENDED)
        bench.queue.close()


def test_where_it_is_so_switched_time_runs_out_and_the_slot_is_free_again(
    build: BuildBench, stub: StubProcess
) -> None:
    bench = build(Switches(is_slot_freed_on_time_out=True), speed=20)
    bench.join("i-1", stub.port)
    bench.queue.submit(bench.around.invocation("slow", b'{"seconds": 60}', timeout_seconds=2))
    bench.queue.submit(bench.around.invocation("next"))
    bench.around.journal.wait(Step.ENDED, 2)
    assert bench.around.journal.endings() == {"slow": Ending.TIMED_OUT, "next": Ending.COMPLETED}
    assert "server error (0)" in bench.around.logs.data_log()[0]
    assert bench.around.metrics.sum("InvocationFailures") == 1


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        (FaultKind.DENIED_DOWNLOAD, Ending.DOWNLOAD_FAILED),
        (FaultKind.FAILING_DOWNLOAD, Ending.DOWNLOAD_FAILED),
        (FaultKind.DENIED_UPLOAD, Ending.UPLOAD_FAILED),
        (FaultKind.FAILING_UPLOAD, Ending.UPLOAD_FAILED),
    ],
)
def test_faults_of_s3_strike_once_and_nobody_is_told(bench: Bench, kind: FaultKind, ending: Ending) -> None:
    fault(bench, kind)
    assert end(bench) is ending
    around = bench.around
    assert not around.topics.told and not around.journal.of(Step.UPLOADED)
    name = "RequestDownloadFailures" if "download" in kind else "ResponseUploadFailures"
    assert around.metrics.sum(name) == 1
    around.journal.entries.clear()
    assert end(bench) is Ending.COMPLETED


def test_a_denied_upload_is_silent_whatever_the_switch_says(build: BuildBench, stub: StubProcess) -> None:
    bench = build(Switches(failure_told=Told.OBJECT))
    bench.join("i-1", stub.port)
    fault(bench, FaultKind.DENIED_UPLOAD)
    assert end(bench) is Ending.UPLOAD_FAILED
    assert not bench.around.topics.told and not bench.around.journal.of(Step.UPLOADED)


@pytest.mark.parametrize(
    "output", [S3Location("nowhere", "one.out"), S3Location("bucket", "k" * 1025)], ids=["bucket", "long key"]
)
@pytest.mark.parametrize("told", TELLING)
def test_an_output_that_s3_does_not_take_fails_the_upload_and_nothing_else(
    build: BuildBench, stub: StubProcess, output: S3Location, told: Told
) -> None:
    bench = build(Switches(failure_told=told))
    bench.join("i-1", stub.port)
    failure = S3Location(output.bucket, output.key + "-error.out")
    bench.queue.submit(replace(bench.around.invocation("one"), output=output, failure=failure))
    bench.queue.submit(bench.around.invocation("two"))
    bench.around.journal.wait(Step.ENDED, 2)
    assert bench.around.journal.endings() == {"one": Ending.UPLOAD_FAILED, "two": Ending.COMPLETED}


def test_a_disk_that_does_not_take_the_output_fails_the_upload_and_nothing_else(bench: Bench) -> None:
    objects = bench.around.folder / "s3" / "objects"
    kept = objects.rename(objects.with_name("away"))
    assert end(bench, content_type="text/plain", body=_inline(bench)) is Ending.UPLOAD_FAILED
    kept.rename(objects)
    bench.queue.submit(bench.around.invocation("two"))
    assert bench.around.journal.wait(Step.ENDED, 2)[1].ending is Ending.COMPLETED


def test_an_answer_that_this_machine_cannot_keep_is_not_the_containers_failure(bench: Bench) -> None:
    scratch = bench.around.scratch
    kept = scratch.rename(scratch.with_name("away"))
    assert end(bench) is Ending.UPLOAD_FAILED
    assert "could not be kept" in bench.around.logs.data_log()[0]
    assert bench.around.metrics.sum("Invocation5XXErrors") == 0
    assert bench.around.metrics.sum("ResponseUploadFailures") == 1
    kept.rename(scratch)
    bench.queue.submit(bench.around.invocation("two"))
    assert bench.around.journal.wait(Step.ENDED, 2)[1].ending is Ending.COMPLETED


def test_an_inline_body_that_is_gone_fails_the_download_and_nothing_else(bench: Bench) -> None:
    body = _inline(bench)
    body.unlink()
    assert end(bench, body=body) is Ending.DOWNLOAD_FAILED
    bench.queue.submit(bench.around.invocation("two"))
    assert bench.around.journal.wait(Step.ENDED, 2)[1].ending is Ending.COMPLETED


def _inline(bench: Bench) -> Path:
    body = bench.around.folder / "inline"
    body.write_bytes(b"inline")
    return body


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (FaultKind.SLOW_DOWNLOAD, "RequestDownloadLatency"),
        (FaultKind.SLOW_UPLOAD, "ResponseUploadLatency"),
    ],
)
def test_slow_s3_takes_the_clocks_time(
    build: BuildBench, stub: StubProcess, kind: FaultKind, metric: str
) -> None:
    bench = build(speed=100)
    bench.join("i-1", stub.port)
    fault(bench, kind, seconds=20)
    assert end(bench) is Ending.COMPLETED
    assert bench.around.metrics.sum(metric) >= 20e6


def test_a_notification_that_fails_is_counted_and_changes_nothing_else(bench: Bench) -> None:
    fault(bench, FaultKind.FAILING_NOTIFICATION)
    assert end(bench) is Ending.COMPLETED
    assert bench.around.metrics.sum("NotificationFailures") == 1
    assert not bench.around.journal.of(Step.NOTIFIED)
    assert "not told" in bench.around.journal.of(Step.ENDED)[0].detail


@pytest.mark.parametrize("num_bytes", [MAX_NOTIFIED_BODY_BYTES, MAX_NOTIFIED_BODY_BYTES + 1])
def test_the_notification_includes_a_body_of_128_kb_and_no_larger(
    build: BuildBench, stub: StubProcess, num_bytes: int
) -> None:
    bench = build(notification=NotificationSpec(SUCCESS, ERROR, is_body_in_success=True))
    bench.join("i-1", stub.port)
    end(bench, b'{"bytes": %d}' % num_bytes)
    (told,) = bench.around.topics.results(SUCCESS)
    if num_bytes > MAX_NOTIFIED_BODY_BYTES:
        assert "responseBody" not in told
    else:
        assert base64.b64decode(told["responseBody"]["content"]) == b"x" * num_bytes


def test_an_error_notification_includes_the_body_where_it_is_asked_to(
    build: BuildBench, stub: StubProcess
) -> None:
    bench = build(notification=NotificationSpec(SUCCESS, ERROR, is_body_in_error=True))
    bench.join("i-1", stub.port)
    end(bench, b'{"status": 500}')
    (told,) = bench.around.topics.results(ERROR)
    assert base64.b64decode(told["responseBody"]["content"]) == b'{"status": 500}'
