"""Batches that are larger than what an endpoint gets through in a TTL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.client_batch import KILLED_AT, run
from quire_endpoint.client import Document, Expired, Lost, Request, Succeeded
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.s3_location import S3Location
from tests.client.conftest import Connect
from tests.fakes.simulated_endpoint import SimulatedClock, SimulatedEndpoint

TTL_SECONDS = 600


def documents(count: int, taken: list[int] | None = None) -> Iterator[Document]:
    for number in range(count):
        if taken is not None:
            taken.append(number)
        yield Document(S3Location("documents", f"{number}.pdf"))


def test_nothing_expires_though_there_is_three_times_as_much(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock
) -> None:
    """One document of ten seconds at a time: 60 in a TTL."""
    began = clock.now()
    outcomes = list(connect().submit_many(documents(180), Request(ttl_seconds=TTL_SECONDS)))
    assert (len(outcomes), endpoint.num_expired) == (180, 0)
    assert clock.now() - began < 1.1 * 1800


def test_without_a_pace_they_would_expire(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock
) -> None:
    client = connect()
    jobs = [client.submit(document, Request(ttl_seconds=TTL_SECONDS)) for document in documents(180)]
    assert len(jobs) == 180
    assert endpoint.num_expired > 100


def test_documents_are_taken_as_they_are_needed(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    taken: list[int] = []
    outcomes = connect().submit_many(documents(10_000, taken), Request(ttl_seconds=TTL_SECONDS))
    for _ in range(20):
        next(outcomes)
    assert len(taken) < 60
    outcomes.close()


def test_batch_survives_the_death_of_its_client(tmp_path: Path) -> None:
    report = run(tmp_path, 100)
    assert report.num_killed == len(KILLED_AT) == 3
    assert report.num_unanswered >= 3
    assert (report.num_submitted, report.num_submitted_twice, report.num_expired) == (100, 0, 0)
    assert report.outcomes == {"Succeeded": 100}
    assert report.peak_mb < 300
    assert report.hours < 22


def test_many_that_ended_earlier_come_again_at_once(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock, tmp_path: Path
) -> None:
    """More than are entered in one go."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for document in documents(450):
        job = ledger.enter(document, Request(), keeps_body=False)
        ledger.finish(job.number, Expired(job.reference, "id", 1, "expired"))
    ledger.close()
    began = clock.now()
    assert len(list(connect(ledger=tmp_path / "ledger.sqlite").submit_many(documents(450)))) == 450
    assert clock.now() == began


def test_calls_that_a_kill_cut_off_do_not_stop_the_next_run(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock, tmp_path: Path
) -> None:
    """As many as go before anything is known, and none of them arrived."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for document in documents(8):
        ledger.intend(ledger.enter(document, Request(), keeps_body=False), clock.now())
    ledger.close()
    began = clock.now()
    client = connect(ledger=tmp_path / "ledger.sqlite")
    outcomes = client.submit_many(Document(S3Location("documents", f"new{number}")) for number in range(50))
    assert [type(next(outcomes)) for _ in range(50)] == [Succeeded] * 50
    assert clock.now() - began < 1000
    outcomes.close()


def test_outage_meets_few_documents(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock
) -> None:
    """Of five minutes, in which four are done each second that were there before."""
    endpoint.lanes, endpoint.service_seconds = 4, 1.0
    outcomes = connect().submit_many(documents(1000), Request(ttl_seconds=TTL_SECONDS, timeout_seconds=60))
    seen = [next(outcomes) for _ in range(200)]
    endpoint.away_until_seconds = clock.now() + 300
    seen += outcomes
    lost = [outcome for outcome in seen if isinstance(outcome, Lost)]
    assert (len(seen), len(seen) - len(lost)) == (1000, len(endpoint.calls))
    assert len(lost) < 20


@pytest.mark.parametrize("s3_behind_seconds", [-300, 300])
def test_clock_that_is_not_s3s_changes_nothing(
    connect: Connect, endpoint: SimulatedEndpoint, clock: SimulatedClock, s3_behind_seconds: int
) -> None:
    endpoint.s3_behind_seconds = s3_behind_seconds
    endpoint.service_seconds = 1.0
    began = clock.now()
    outcomes = list(connect().submit_many(documents(300), Request(ttl_seconds=200)))
    assert (len(outcomes), endpoint.num_expired) == (300, 0)
    assert clock.now() - began < 1.3 * 300


def test_dry_run_counts_and_touches_nothing(
    connect: Connect, endpoint: SimulatedEndpoint, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 200_000)
    (tmp_path / "small").write_bytes(b"x")
    client = connect(ledger=tmp_path / "ledger.sqlite")
    client.submit(b"known")
    plan = client.dry_run([b"known", tmp_path / "large", tmp_path / "small", "s3://a/b"])
    assert (plan.num_documents, plan.num_known, plan.num_to_submit) == (4, 1, 3)
    assert (plan.num_inline, plan.num_in_s3, plan.upload_bytes) == (1, 1, 200_000)
    assert plan.hours(document_seconds=600, at_once=2) == 0.25
    assert len(endpoint.calls) == 1
