"""Each kind of trouble has its cause and its remedy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.obituaries import GONE, Obituaries
from quire_endpoint.local.page.causes import CAUSES, cause_of
from quire_endpoint.local.page.evidence import Evidence
from quire_endpoint.local.ports import Instance
from quire_endpoint.local.queue import data_log
from quire_endpoint.local.queue.announcing import Announcer
from quire_endpoint.local.queue.fetching import FetchFailed, fetch
from quire_endpoint.local.queue.measures import Measures
from quire_endpoint.local.queue.storing import Store, StoreFailed
from quire_endpoint.local.specs import EndpointState, EndpointStatus
from quire_endpoint.s3_location import S3Location
from tests.fakes.recording_neighbours import RememberingLogs, Surrounding, endpoint_spec

HERE = S3Location("bucket", "2024/denied-403-nosuchkey-headers.pdf")
"""A name full of words that mean something elsewhere."""


def at(step: Step, detail: str = "", ending: Ending | None = None) -> Entry:
    return Entry("id", "endpoint", step, 1.0, 1, detail=detail, ending=ending)


def ended(ending: Ending, detail: str = "", *before: Entry) -> Evidence:
    return Evidence("id", [at(Step.RECEIVED), *before, at(Step.ENDED, detail, ending)], 2.0)


def lost(*instance_log: str) -> Evidence:
    return dataclasses.replace(ended(Ending.LOST, "its instance has gone"), instance_log=instance_log)


def gone(cause: str, *, is_leaving: bool = False) -> Evidence:
    """With an instance that ended so."""
    logs, spec = RememberingLogs(), endpoint_spec()
    obituaries = Obituaries(SilentListener(), logs, spec)
    if is_leaving:
        obituaries.leaving("i-1")
    obituaries.gone("i-1", cause)
    (stream,) = logs.streams(spec.name)
    return lost(*logs.lines(spec.name, stream))


class SilentListener:
    """A fleet's listener that does nothing."""

    def in_service(self, instance: Instance) -> None: ...
    def leaving(self, instance_id: str) -> None: ...
    def gone(self, instance_id: str, cause: str) -> None: ...
    def changed(self) -> None: ...


def answered(status: int) -> Evidence:
    """By a container whose message speaks of another status."""
    told = data_log.line(1.0, "id", data_log.model_error(status, b"error (413) from primary, headers denied"))
    told_to_us = ended(
        Ending.MODEL_ERROR, f"the container answered {status}", at(Step.RESPONDED, str(status))
    )
    return dataclasses.replace(told_to_us, data_log=[told])


def not_fetched(*faults: FaultKind, bucket: str = HERE.bucket) -> Evidence:
    """What fetching says of an object that is not there."""
    with TemporaryDirectory() as folder:
        around = Surrounding(Path(folder))
        for kind in faults:
            around.faults.add(Fault(kind))
        invocation = Invocation("endpoint", "id", 0.0, HERE, None, S3Location(bucket, HERE.key))
        with pytest.raises(FetchFailed) as failed:
            fetch(invocation, around.neighbours(), lambda seconds: None)
        return ended(Ending.DOWNLOAD_FAILED, str(failed.value))


def not_stored(*faults: FaultKind) -> Evidence:
    """What storing says of a bucket that is not there."""
    with TemporaryDirectory() as folder:
        around = Surrounding(Path(folder))
        for kind in faults:
            around.faults.add(Fault(kind))
        body = Path(folder) / "body"
        body.touch()
        with pytest.raises(StoreFailed) as failed:
            Store(around.neighbours(), "endpoint", lambda seconds: None).put(
                S3Location("nowhere", HERE.key), body, None
            )
        return ended(Ending.UPLOAD_FAILED, str(failed.value))


def waiting(current: int, desired: int, *faults: FaultKind) -> Evidence:
    state = EndpointState(EndpointStatus.IN_SERVICE, current, desired, 0.0)
    return Evidence("id", [at(Step.RECEIVED)], 2.0, state=state, faults_on=frozenset(faults))


def unknown(*faults: FaultKind) -> Evidence:
    return Evidence("id", (), 2.0, faults_on=frozenset(faults))


TROUBLES = [
    (unknown(FaultKind.THROTTLING), "throttled"),
    (unknown(FaultKind.UNAVAILABLE), "unavailable"),
    (unknown(), "unknown"),
    (waiting(0, 0), "no-instances"),
    (waiting(0, 1, FaultKind.NO_CAPACITY), "no-capacity"),
    (waiting(0, 1), "instances-starting"),
    (waiting(1, 1), "queued"),
    (Evidence("id", [at(Step.RECEIVED), at(Step.DOWNLOADED)], 2.0), "running"),
    (Evidence("id", [at(Step.RECEIVED), at(Step.RESPONDED)], 2.0), "being-delivered"),
    (answered(413), "body-too-large"),
    (answered(415), "wrong-media-type"),
    (answered(422), "request-refused"),
    (answered(429), "container-busy"),
    (answered(500), "container-failed"),
    (answered(503), "container-busy"),
    (answered(504), "own-deadline"),
    (answered(507), "disk-full"),
    (ended(Ending.MODEL_ERROR), "model-error"),
    (ended(Ending.BAD_RESPONSE, data_log.NO_LENGTH), "no-content-length"),
    (ended(Ending.BAD_RESPONSE, data_log.LONG_HEADERS), "headers-too-long"),
    (
        ended(Ending.BAD_RESPONSE, data_log.broken("it closed after 3 of 9 bytes of its headers")),
        "bad-response",
    ),
    (ended(Ending.TIMED_OUT, data_log.timed_out()), "timed-out"),
    (ended(Ending.EXPIRED), "expired"),
    (not_fetched(), "input-missing"),
    (not_fetched(bucket="nowhere"), "input-missing"),
    (not_fetched(FaultKind.DENIED_DOWNLOAD), "input-denied"),
    (not_fetched(FaultKind.FAILING_DOWNLOAD), "download-failed"),
    (not_stored(FaultKind.DENIED_UPLOAD), "output-denied"),
    (not_stored(FaultKind.FAILING_UPLOAD), "upload-failed"),
    (not_stored(), "upload-failed"),
    (gone("unhealthy (status 503), ended by SIGKILL", is_leaving=True), "lost-unhealthy"),
    (gone("ended with exit status 0", is_leaving=True), "lost-scale-in"),
    (gone("ended by SIGKILL"), "lost"),
    (lost("container: [no more work for it], gone: unhealthy", f"{GONE}ended by SIGKILL"), "lost"),
    (ended(Ending.DROPPED), "dropped"),
    (ended(Ending.COMPLETED), "completed"),
]


@pytest.mark.parametrize(
    ("seen", "name"), TROUBLES, ids=[f"{number}-{name}" for number, (_, name) in enumerate(TROUBLES)]
)
def test_trouble_has_its_cause(seen: Evidence, name: str) -> None:
    assert cause_of(seen).name == name


def test_a_notification_that_failed_is_told_beside_a_result_that_is_there() -> None:
    with TemporaryDirectory() as folder:
        around = Surrounding(Path(folder))
        around.faults.add(Fault(FaultKind.FAILING_NOTIFICATION))
        measures = Measures(around.metrics, "endpoint", "variant")
        detail = Announcer(around.neighbours(), "endpoint", measures).publish("arn:aws:sns:x", "{}")
    uploaded = at(Step.UPLOADED, f"{HERE} was not told: nothing")
    assert cause_of(ended(Ending.COMPLETED, detail or "", uploaded)).name == "not-notified"
    assert cause_of(ended(Ending.COMPLETED, "", uploaded)).name == "completed"


def test_every_cause_was_met_and_helps() -> None:
    assert {name for _, name in TROUBLES} | {"not-notified"} == {cause.name for cause in CAUSES}
    assert all(cause.cause.endswith((".", ")")) and cause.remedy.endswith(".") for cause in CAUSES)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            '{"error": {"code": "bad_request", "message": "no pages", "retryable": false}}',
            "bad_request: no pages",
        ),
        ('{"message": "out of memory"}', "out of memory"),
        ('{"error": "no"}', "no"),
        ("<h1>Internal\nServer Error</h1>", "<h1>Internal Server Error</h1>"),
        ("[1]", "[1]"),
    ],
)
def test_containers_own_words_are_found(body: str, told: str) -> None:
    assert Evidence("id", (), 0.0, failure_object=body).error_message == told
