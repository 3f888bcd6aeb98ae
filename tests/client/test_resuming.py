"""A client that ends and one that begins where it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire_endpoint.client import (
    AsyncEndpointClient,
    CannotSubmit,
    Document,
    Failed,
    Request,
    StillWaiting,
    Succeeded,
)
from quire_endpoint.client.calls import Runtime
from quire_endpoint.client.inputs import Inputs
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.ledger_schema import NoLedger
from quire_endpoint.client.sender import Sender
from tests.client.conftest import Connect
from tests.fakes.simulated_endpoint import Failure, Refusal, SimulatedClock, SimulatedEndpoint

DOCUMENTS = [Document(b"1", f"{number}") for number in range(6)]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_second_run_submits_nothing_and_gives_every_outcome(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    first = list(connect(ledger=ledger).submit_many(DOCUMENTS))
    second = list(connect(ledger=ledger).submit_many(DOCUMENTS))
    assert sorted(first, key=str) == sorted(second, key=str)
    assert len(endpoint.calls) == 6


def test_run_that_was_given_up_is_taken_up(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    with pytest.raises(StillWaiting):
        list(connect(ledger=ledger).submit_many(DOCUMENTS, seconds=15))
    outcomes = [outcome.reference for outcome in connect(ledger=ledger).submit_many(DOCUMENTS)]
    assert sorted(outcomes) == sorted(endpoint.references()) == list("012345")


def test_loop_that_is_left_early_loses_nothing(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    for _ in connect(ledger=ledger).submit_many(DOCUMENTS):
        break
    assert {outcome.reference for outcome in connect(ledger=ledger).submit_many(DOCUMENTS)} == set("012345")
    assert len(endpoint.calls) == 6


def test_resume_submits_what_was_only_entered(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    endpoint.refusals.extend([Refusal("AccessDeniedException", 403)] * 4)
    with pytest.raises(CannotSubmit, match="AccessDenied"):
        list(connect(ledger=ledger).submit_many(DOCUMENTS[:4]))
    endpoint.refusals.clear()
    client = connect(ledger=ledger)
    assert len(list(client.resume())) == 4
    assert client.num_unfinished() == 0


def test_same_document_is_known_and_a_changed_file_is_another(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path, tmp_path: Path
) -> None:
    client, file = connect(ledger=ledger), tmp_path / "a.txt"
    file.write_text("one")
    job = client.submit(file)
    assert client.submit(file) == job
    assert client.submit(file, Request(accept="text/plain")) != job
    file.write_text("another")
    assert client.submit(file) != job
    assert len(endpoint.calls) == 3


def test_without_a_ledger_nothing_is_recognised(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    client = connect()
    client.submit(b"same")
    client.submit(b"same")
    assert len(endpoint.calls) == 2


def cut_off(ledger: Path, endpoint: SimulatedEndpoint, *, accepted: bool) -> None:
    """As a kill leaves it between the intent and the call's answer."""
    known = Ledger(ledger)
    job = known.enter(Document(b"2", "cut off"), Request(), keeps_body=True)
    attempt = known.intend(job, endpoint.clock.now())
    assert attempt is not None
    if accepted:
        runtime = Runtime(endpoint.session().client("sagemaker-runtime"), "simulated")
        runtime.call(known.job(job.number), attempt, b"2")
    known.close()


@pytest.mark.parametrize("accepted", [True, False])
def test_call_that_was_cut_off_is_not_made_twice(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path, clock: SimulatedClock, accepted: bool
) -> None:
    """Another call shows where Filename lands; what never left is lost, and submitted then."""
    client = connect(ledger=ledger)
    cut_off(ledger, endpoint, accepted=accepted)
    began = clock.now()
    documents = [Document(b"2", "cut off"), Document(b"1", "another")]
    outcomes = {outcome.reference: outcome for outcome in client.submit_many(documents)}
    assert isinstance(outcomes["cut off"], Succeeded)
    assert outcomes["cut off"].calls == (1 if accepted else 2)
    assert sorted(endpoint.references()) == ["another", "cut off"]
    assert (clock.now() - began > 21600 + 900) is not accepted


def test_cut_off_call_to_an_endpoint_that_ignores_filename_is_waited_out(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    endpoint.honours_filename = False
    client = connect(ledger=ledger)
    client.wait(client.submit(b"teaches nothing"))
    cut_off(ledger, endpoint, accepted=True)
    (outcome,) = client.resume()
    assert (type(outcome), outcome.calls) == (Succeeded, 2)


def test_throttled_document_stays_for_the_next_run(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    endpoint.refusals.extend([Refusal("ThrottlingException", 400)] * 3)
    (outcome,) = connect(ledger=ledger).submit_many([DOCUMENTS[0]])
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "not_submitted"
    (outcome,) = connect(ledger=ledger).submit_many([DOCUMENTS[0]])
    assert isinstance(outcome, Succeeded)


def test_endpoint_that_takes_nothing_ends_the_batch(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    endpoint.refusals.extend([Refusal("ThrottlingException", 400)] * 1000)
    many = (Document(b"1", f"{number}") for number in range(1000))
    with pytest.raises(CannotSubmit, match="took none of 10 documents in a row"):
        list(connect(ledger=ledger).submit_many(many))
    assert endpoint.num_called < 100


def test_missing_file_is_that_documents_outcome(connect: Connect, tmp_path: Path) -> None:
    outcomes = list(connect().submit_many([tmp_path / "absent", b"there"]))
    assert [type(outcome) for outcome in outcomes] == [Failed, Succeeded]


def test_failures_are_forgotten_when_asked(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    client = connect(ledger=ledger)
    client.wait(client.submit(DOCUMENTS[0]))
    endpoint.fate = lambda call: Failure(b"no")
    client.wait(client.submit(DOCUMENTS[1]))
    assert client.forget_failures() == 1
    endpoint.fate = lambda call: b"{}"
    assert [type(outcome) for outcome in client.submit_many(DOCUMENTS[:2])] == [Succeeded, Succeeded]
    assert len(endpoint.calls) == 3


def test_ledger_belongs_to_one_endpoint(connect: Connect, endpoint: SimulatedEndpoint, ledger: Path) -> None:
    connect(ledger=ledger)
    with pytest.raises(ValueError, match="is the ledger of endpoint simulated, not of other"):
        AsyncEndpointClient("other", ledger=ledger, session=endpoint.session())


def test_file_that_is_no_ledger(connect: Connect, ledger: Path) -> None:
    ledger.write_bytes(b"%PDF-1.7 not a database at all" * 40)
    with pytest.raises(NoLedger, match=r"ledger\.sqlite cannot be used as a ledger"):
        connect(ledger=ledger)


def test_two_clients_of_one_ledger_submit_nothing_twice(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    first, second = (connect(ledger=ledger).submit_many(DOCUMENTS) for _ in range(2))
    outcomes = [next(first), next(second), *first, *second]
    assert len(outcomes) == 12
    assert sorted(endpoint.references()) == list("012345")


def test_many_answers_that_came_meanwhile_are_seen_at_once(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path, clock: SimulatedClock
) -> None:
    client = connect(ledger=ledger)
    for document in DOCUMENTS:
        client.submit(document)
    clock.wait(10_000, ())
    began = clock.now()
    assert len(list(connect(ledger=ledger).resume())) == 6
    assert clock.now() == began


def test_decision_that_is_out_of_date_calls_nobody(
    endpoint: SimulatedEndpoint, ledger: Path, clock: SimulatedClock
) -> None:
    """Two that saw the same job lost: the later one finds that it was submitted again."""
    known = Ledger(ledger)
    job = known.enter(DOCUMENTS[0], Request(), keeps_body=True)
    runtime = Runtime(endpoint.session().client("sagemaker-runtime"), "simulated")
    sender = Sender(runtime, Inputs(None, known, None, is_inline=True), known, clock)
    for calls in (0, 0, 1, 0, 1):
        sender.send(job.number, calls)
    assert len(endpoint.calls) == known.job(job.number).calls == 2
    known.close()
