"""One document that cannot be submitted ends no batch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.client import (
    AsyncEndpointClient,
    CannotSubmit,
    ClientSettings,
    Document,
    Failed,
    Lost,
    Outcome,
    Request,
    Succeeded,
)
from quire_endpoint.client.ledger import Ledger, open_ledger
from quire_endpoint.s3_location import S3Location
from tests.client.conftest import Connect
from tests.fakes.simulated_endpoint import Failure, Fate, Refusal, Silence, SimulatedEndpoint

ONE_BY_ONE = ClientSettings(num_threads=1)
DOCUMENTS = [Document(b"1", f"{number}") for number in range(20)]
LARGE = b"x" * 200_000
SHORT = Request(ttl_seconds=60, timeout_seconds=1)
GONE = Refusal("ValidationError", 400, message="Endpoint simulated of account 123456789012 not found.")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def failed(outcomes: list[Outcome]) -> list[str]:
    """Names of those that were not submitted; all others succeeded."""
    bad = [outcome for outcome in outcomes if not isinstance(outcome, Succeeded)]
    assert all(isinstance(outcome, Failed) and outcome.error.code == "not_submitted" for outcome in bad), bad
    return [outcome.reference for outcome in bad]


def test_one_that_the_endpoint_finds_unfit(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    endpoint.refusals.append(Refusal("ValidationError", 400, message="InputLocation is malformed."))
    outcomes = list(connect(settings=ONE_BY_ONE).submit_many(DOCUMENTS[:5]))
    assert (len(outcomes), len(failed(outcomes))) == (5, 1)


def test_ten_in_a_row_end_it(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    endpoint.refusals.extend([Refusal("ValidationError", 400)] * 20)
    with pytest.raises(CannotSubmit, match="took none of 10 documents in a row: ValidationError"):
        list(connect(settings=ONE_BY_ONE).submit_many(DOCUMENTS))
    assert endpoint.num_called == 10


def test_endpoint_that_is_deleted_ends_it_and_the_ledger_keeps_the_documents(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path
) -> None:
    outcomes = connect(ledger=ledger, settings=ONE_BY_ONE).submit_many(DOCUMENTS[:6])
    next(outcomes)
    endpoint.refusals.append(GONE)
    with pytest.raises(CannotSubmit, match="not found"):
        list(outcomes)
    assert failed(list(connect(ledger=ledger).submit_many(DOCUMENTS[:6]))) == []
    assert sorted(endpoint.references()) == list("012345")


def test_refusal_after_a_call_in_doubt_waits_for_that_one(
    connect: Connect, endpoint: SimulatedEndpoint
) -> None:
    client = connect()
    client.wait(client.submit(b"teaches where answers lie"))
    endpoint.refusals.extend([Refusal(is_accepted=True), Refusal("AccessDeniedException", 403)])
    assert isinstance(client.wait(client.submit(b"1")), Succeeded)
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "cut-off"])
def test_refusal_of_a_second_submission_loses_nothing(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path, is_answered: bool
) -> None:
    """The first is lost. While the endpoint is away, run after run says so; then it is submitted."""
    known = Ledger(ledger)
    entered = known.enter(Document(b"1", "lost"), SHORT, keeps_body=True)
    attempt = known.intend(entered, endpoint.clock.now())
    assert attempt is not None
    if is_answered:
        known.answer(attempt, endpoint.clock.now(), S3Location("answers", "out/1.out"), None)
    known.close()
    endpoint.clock.wait(10_000, ())
    for _ in range(4):
        endpoint.refusals.append(GONE)
        with pytest.raises(CannotSubmit, match="not found"):
            list(connect(ledger=ledger).resume())
    (outcome,) = connect(ledger=ledger).resume()
    assert (type(outcome), outcome.calls) == (Succeeded, 2)


@pytest.mark.parametrize(
    ("fate", "kind", "said"),
    [
        (Failure(b'{"error": {"code": "engine_lost", "message": "m", "retryable": true}}'), Failed, "m"),
        (Silence(), Lost, "it cannot be submitted again"),
    ],
)
def test_file_that_is_gone_when_it_would_be_submitted_again(
    connect: Connect,
    endpoint: SimulatedEndpoint,
    ledger: Path,
    tmp_path: Path,
    fate: Fate,
    kind: type,
    said: str,
) -> None:
    """What became of it is its outcome, for good."""
    (tmp_path / "small").write_bytes(b"1")
    endpoint.fate = lambda call: fate
    client = connect(ledger=ledger)
    job = client.submit(tmp_path / "small", SHORT)
    (tmp_path / "small").unlink()
    outcome = client.wait(job)
    assert (type(outcome), outcome.calls, outcome.inference_id) == (kind, 1, job.inference_id)
    assert said in str(outcome)
    assert client.num_unfinished() == 0


def test_file_that_is_written_again_during_its_upload(endpoint: SimulatedEndpoint, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    session = endpoint.session()

    def written_again(**_: Any) -> None:
        path.write_bytes(b"another")

    session.events.register("before-send.s3.PutObject", written_again)
    with AsyncEndpointClient("simulated", session=session, input_prefix="s3://inputs") as client:
        (outcome,) = client.submit_many([path])
    assert isinstance(outcome, Failed)
    assert "was changed after it was entered" in outcome.error.message
    assert endpoint.calls == []


def test_prefix_that_no_call_can_name(connect: Connect) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        connect(input_prefix="s3://inputs/Einträge")


def test_one_whose_upload_is_refused(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    client = connect(input_prefix="s3://inputs", settings=ONE_BY_ONE)
    endpoint.s3_refusals.append(Refusal("AccessDenied", 403))
    assert failed(list(client.submit_many([Document(LARGE, "large"), *DOCUMENTS[:3]]))) == ["large"]


def test_names_of_any_bytes_and_no_location(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.pdf")
    path.write_bytes(b"%PDF")
    outcomes = list(connect(ledger=ledger).submit_many([path, "s3:///x", b"2"]))
    assert failed(outcomes) == ["s3:///x"]
    assert f"{tmp_path}/caf\\udce9.pdf" in [outcome.reference for outcome in outcomes]


def test_file_is_found_from_another_directory_and_must_be_what_it_was(
    connect: Connect, ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = Ledger(ledger)
    for name in "ab":
        (tmp_path / "there").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "there")
        Path(name).write_text("as it was")
        entered.enter(Document(Path(name)), Request(), keeps_body=False)
    entered.close()
    Path("b").write_text("of another length")
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("another of that name")
    outcomes = list(connect(ledger=ledger).resume())
    assert failed(outcomes) == ["b"]
    (bad,) = (outcome for outcome in outcomes if isinstance(outcome, Failed))
    assert "b was changed after it was entered" in bad.error.message


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_upload_that_was_removed_is_made_again(
    connect: Connect, endpoint: SimulatedEndpoint, ledger: Path, tmp_path: Path, is_forgotten: bool
) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    retryable = b'{"error": {"code": "a", "message": "b", "retryable": true}}'
    endpoint.fate = lambda call: Failure(b"no" if is_forgotten else retryable)
    client = connect(ledger=ledger, input_prefix="s3://inputs/mine")
    job = client.submit(tmp_path / "large")
    (key,) = endpoint.objects
    endpoint.removed.add(key)
    assert isinstance(client.wait(job), Failed)
    if is_forgotten:
        client.forget_failures()
        client.submit(tmp_path / "large")
    assert endpoint.removed == set()


def test_prefix_that_was_given_last_stays(connect: Connect, ledger: Path) -> None:
    for prefix in ("s3://inputs/typo", "s3://inputs/right"):
        connect(ledger=ledger, input_prefix=prefix)
    kept = open_ledger(ledger)
    assert kept.setting("input_prefix") == "s3://inputs/right"
    kept.close()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.pdf", "application/pdf"),
        ("a.pdf.gz", "application/gzip"),
        ("a.pdf.bz2", "application/octet-stream"),
    ],
)
def test_packed_file_is_not_what_is_in_it(name: str, media_type: str) -> None:
    assert Document(b"", name).media_type == media_type
