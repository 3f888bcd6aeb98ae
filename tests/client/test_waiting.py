"""What a wait ends with, and when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire_endpoint.client import (
    AnswerGone,
    AsyncEndpointClient,
    ClientSettings,
    Document,
    Expired,
    Failed,
    Lost,
    ModelError,
    Partial,
    Request,
    StillWaiting,
    Succeeded,
)
from quire_endpoint.client.finding import Finder
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.looking import Lookout
from quire_endpoint.client.verdicts import Next
from quire_endpoint.s3_location import S3Location
from tests.client.conftest import Connect
from tests.fakes.simulated_endpoint import (
    Call,
    Failure,
    Fate,
    Silence,
    SimulatedClock,
    SimulatedEndpoint,
    attributes,
)


def error_body(code: str, *, retryable: bool) -> bytes:
    """As the container answers."""
    said = {
        "code": code,
        "message": "in words",
        "retryable": retryable,
        "inference_id": "i",
        "reference": None,
    }
    return json.dumps({"error": said}).encode()


@pytest.fixture
def client(connect: Connect) -> AsyncEndpointClient:
    return connect()


def test_success_lies_where_it_says(client: AsyncEndpointClient, clock: SimulatedClock) -> None:
    began = clock.now()
    outcome = client.wait(client.submit(Document(b"1", "one")))
    assert isinstance(outcome, Succeeded)
    assert (outcome.reference, outcome.calls) == ("one", 1)
    assert client.read(outcome) == b'{"answer": 42}'
    assert outcome.completed_seconds is not None
    assert began + 9 <= outcome.completed_seconds <= began + 10


def test_partial_document(client: AsyncEndpointClient, endpoint: SimulatedEndpoint) -> None:
    answer = {"schema": "quire.document/1", "inference_id": "i", "reference": None, "status": "partial"}
    endpoint.fate = lambda call: json.dumps({**answer, "pages": []}).encode()
    assert isinstance(client.wait(client.submit(b"1")), Partial)


def test_models_error_is_parsed_and_final(client: AsyncEndpointClient, endpoint: SimulatedEndpoint) -> None:
    endpoint.fate = lambda call: Failure(error_body("document_encrypted", retryable=False))
    outcome = client.wait(client.submit(b"1"))
    assert isinstance(outcome, Failed)
    assert outcome.error == ModelError("in words", "document_encrypted", False)
    assert outcome.failure == S3Location("answers", f"out/{endpoint.calls[0].name}-error.out")
    assert len(endpoint.calls) == 1


def test_error_of_a_strangers_container_is_shown(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    endpoint.fate = lambda call: Failure(b"<h1>Internal Server Error</h1>")
    outcome = client.wait(client.submit(b"1"))
    assert isinstance(outcome, Failed)
    assert outcome.error == ModelError("<h1>Internal Server Error</h1>")


def test_retryable_error_is_submitted_again_under_another_id(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    def fate(call: Call) -> Fate:
        first = call.inference_id == endpoint.calls[0].inference_id
        return Failure(error_body("engine_lost", retryable=True)) if first else b"{}"

    endpoint.fate = fate
    outcome = client.wait(client.submit(b"1"))
    assert isinstance(outcome, Succeeded)
    assert outcome.calls == 2
    assert len({call.inference_id for call in endpoint.calls}) == 2


def test_third_retryable_error_is_the_outcome(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    endpoint.fate = lambda call: Failure(error_body("overloaded", retryable=True))
    outcome = client.wait(client.submit(b"1"))
    assert isinstance(outcome, Failed)
    assert (outcome.calls, len(endpoint.calls), outcome.error.is_retryable) == (3, 3, True)


def test_lost_job_is_submitted_again_after_its_time(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, clock: SimulatedClock
) -> None:
    endpoint.fate = lambda call: Silence() if call is endpoint.calls[0] else b"{}"
    began = clock.now()
    outcome = client.wait(client.submit(b"1", Request(ttl_seconds=600, timeout_seconds=300)))
    assert isinstance(outcome, Succeeded)
    assert outcome.calls == 2
    again = endpoint.calls[1].received_seconds - began
    assert 1500 <= again < 1570


def test_time_that_a_busy_endpoint_takes_to_accept_a_call_is_not_the_jobs(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    """It counts TTL and timeout from its receipt."""
    endpoint.accepts_after_seconds, endpoint.service_seconds = 70.0, 600.0
    request = Request(ttl_seconds=60, timeout_seconds=1)
    outcome = client.wait(client.submit(b"1", request))
    assert isinstance(outcome, Succeeded)
    assert (outcome.calls, len(endpoint.calls)) == (1, 1)


def test_job_that_is_lost_three_times_is_lost(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, clock: SimulatedClock
) -> None:
    endpoint.fate = lambda call: Silence()
    began = clock.now()
    outcome = client.wait(client.submit(b"1", Request(ttl_seconds=600, timeout_seconds=300)))
    assert isinstance(outcome, Lost)
    assert (outcome.calls, len(endpoint.calls)) == (3, 3)
    assert 4500 <= clock.now() - began < 4800


def test_answer_of_an_earlier_attempt_is_seen_before_another_is_made(
    connect: Connect, endpoint: SimulatedEndpoint
) -> None:
    """It comes after it counted as lost."""
    endpoint.service_seconds = 100.0
    endpoint.fate = lambda call: b"{}" if call is endpoint.calls[0] else Silence()
    client = connect(settings=ClientSettings(slack_seconds=0))
    outcome = client.wait(client.submit(b"1", Request(ttl_seconds=60, timeout_seconds=1)))
    assert isinstance(outcome, Succeeded)
    assert outcome.inference_id == endpoint.calls[0].inference_id
    assert len(endpoint.calls) == 2


def test_notification_of_an_earlier_attempt_selects_its_answer(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock, tmp_path: Path
) -> None:
    """The later one is still waited for."""
    first = connect(ledger=tmp_path / "ledger.sqlite").submit(b"1")
    ledger = Ledger(tmp_path / "ledger.sqlite")
    attempt = ledger.intend(ledger.job(first.number), clock.now())
    assert attempt is not None
    ledger.answer(attempt, clock.now(), S3Location("answers", "out/second.out"), None)
    clock.wait(100, ())
    lookout = Lookout(ledger, Finder(endpoint.session().client("s3")), clock, 600.0)
    assert lookout.look(first.number).result is Next.WAIT
    message = {"inferenceId": first.inference_id, "invocationStatus": "Completed"}
    ledger.tell(first.inference_id, json.dumps(message))
    result = lookout.look(first.number).result
    assert isinstance(result, Succeeded)
    assert result.inference_id == first.inference_id
    ledger.close()


@pytest.mark.parametrize("can_list", [True, False])
def test_role_without_list_bucket_waits_as_any(
    connect: Connect, endpoint: SimulatedEndpoint, can_list: bool
) -> None:
    endpoint.can_list = can_list
    client = connect()
    assert isinstance(client.wait(client.submit(b"1")), Succeeded)
    endpoint.fate = lambda call: Failure(b"no")
    assert isinstance(client.wait(client.submit(b"2")), Failed)


def test_lost_says_what_could_not_be_seen(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    endpoint.can_list, endpoint.knows_failure_path, endpoint.fate = False, False, lambda call: Silence()
    client = connect(settings=ClientSettings(slack_seconds=0))
    outcome = client.wait(client.submit(b"1", Request(ttl_seconds=60, timeout_seconds=1)))
    assert isinstance(outcome, Lost)
    assert "s3:GetObject" in outcome.message
    assert "S3FailurePath" in outcome.message


def test_failure_object_that_tells_of_the_ttl_is_expired(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    endpoint.fate = lambda call: Failure(b"The request expired: it waited longer than its TTL.")
    assert isinstance(client.wait(client.submit(b"1")), Expired)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "handler_failed", "message": "token expired", "retryable": False}},
        {"detail": "licence expired"},
    ],
    ids=["ours", "a-strangers"],
)
def test_models_own_error_may_speak_of_expiry(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, body: dict[str, Any]
) -> None:
    endpoint.fate = lambda call: Failure(json.dumps(body).encode())
    assert isinstance(client.wait(client.submit(b"1")), Failed)


def test_answer_that_was_removed_is_gone_for_who_may_not_list_too(
    connect: Connect, endpoint: SimulatedEndpoint
) -> None:
    endpoint.can_list = False
    client = connect()
    outcome = client.wait(client.submit(b"1"))
    assert isinstance(outcome, Succeeded)
    endpoint.objects.clear()
    endpoint.fate = lambda call: Silence()
    with pytest.raises(AnswerGone, match="AccessDenied"):
        client.read(outcome)


def test_deadline_of_a_wait_takes_nothing_from_the_job(
    client: AsyncEndpointClient, clock: SimulatedClock
) -> None:
    job = client.submit(Document(b"1", "slow"))
    began = clock.now()
    with pytest.raises(StillWaiting, match="1 documents without an outcome yet: slow") as caught:
        client.wait(job, seconds=5)
    assert clock.now() - began == pytest.approx(5)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(client.wait(job), Succeeded)


def test_as_completed_gives_each_once_and_the_first_first(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    jobs = [client.submit(Document(b"1", f"{number}")) for number in range(5)]
    outcomes = [outcome.reference for outcome in client.as_completed([*jobs, jobs[0]])]
    assert outcomes == ["0", "1", "2", "3", "4"]
    assert [outcome.reference for outcome in client.as_completed(jobs)] == outcomes


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from(["good", "bad", "again", "lost"]), min_size=1, max_size=12), st.booleans())
def test_every_document_has_one_outcome(fates: list[str], can_list: bool) -> None:
    clock = SimulatedClock()
    endpoint = SimulatedEndpoint(clock, lanes=2, can_list=can_list)

    def fate(call: Call) -> Fate:
        kind = fates[int(attributes(call)["ref"])]
        again = Failure(error_body("engine_lost", retryable=True))
        fates_of: dict[str, Fate] = {"good": b"{}", "bad": Failure(b"no"), "again": again, "lost": Silence()}
        return fates_of[kind]

    endpoint.fate = fate
    expected = {"good": Succeeded, "bad": Failed, "again": Failed, "lost": Lost}
    request = Request(ttl_seconds=60, timeout_seconds=10)
    with AsyncEndpointClient("simulated", session=endpoint.session(), clock=clock) as client:
        documents = [Document(b"1", f"{number}") for number in range(len(fates))]
        outcomes = {outcome.reference: outcome for outcome in client.submit_many(documents, request)}
    assert {name: type(each) for name, each in outcomes.items()} == {
        f"{number}": expected[kind] for number, kind in enumerate(fates)
    }
    calls = {f"{number}": 1 if kind in ("good", "bad") else 3 for number, kind in enumerate(fates)}
    assert {name: endpoint.references().count(name) for name in calls} == calls
