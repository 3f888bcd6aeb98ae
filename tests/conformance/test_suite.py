"""The local endpoint holds to the claims; another does not, and the suite says so."""

from __future__ import annotations

import pytest

from quire_endpoint.conformance.local_target import DoesNotStart, local_target
from quire_endpoint.conformance.plans import MAIN
from quire_endpoint.conformance.row import Result, Subject, Verdict
from quire_endpoint.conformance.rows import limits, wire
from quire_endpoint.conformance.suite import ROWS, chosen, run
from quire_endpoint.conformance.target import Target

QUICK = [row for row in ROWS if not row.claim.minutes and row.claim.subject is not Subject.FAULTS]
"""`make conformance` runs the others, too."""

TRUE_OF_MOTO = {
    "inference-id-kept",
    "inference-id-made",
    "inference-id-of-64",
    "output-location-in-header",
    "failure-location-in-header",
    "ttl-within",
    "timeout-within",
}
"""It accepts whatever it is sent, and answers with both locations."""


def ignore(result: Result) -> None:
    """The results are looked at when all are there."""


def test_local_endpoint_holds_to_every_quick_claim() -> None:
    with local_target() as target:
        results = run(target, QUICK, ignore)
    assert [result for result in results if result.verdict is Verdict.DIFFERS] == []
    unchecked = {result.row.name for result in results if result.verdict is Verdict.NOT_CHECKABLE}
    assert unchecked <= {"model-is-read-only", "no-connections"}


def test_switched_assumption_is_told_as_a_difference() -> None:
    with local_target(assumed="is-object-type-forwarded=true") as target:
        (result,) = run(target, chosen(["no-content-type"]), ignore)
    assert (result.verdict, result.seen) == (Verdict.DIFFERS, "the object's type")


def test_what_only_the_local_endpoint_can_be_asked_for_is_not_checked_at_aws() -> None:
    nowhere = Target("us-east-1", "role", "image", "bucket", "ml.m5.large")
    results = run(nowhere, [row for row in ROWS if row.claim.is_local], ignore)
    assert {result.verdict for result in results} == {Verdict.NOT_CHECKABLE}


def test_moto_is_told_from_sagemaker(moto: Target) -> None:
    rows = [row for row in (*wire.ROWS, *limits.ROWS) if row.claim.plans == (MAIN,)]
    results = run(moto, rows, ignore)
    holding = {result.row.name for result in results if result.verdict is Verdict.HOLDS}
    assert holding == TRUE_OF_MOTO


def test_endpoint_that_does_not_start_says_why() -> None:
    with pytest.raises(DoesNotStart, match="--speed"), local_target(speed=-1):
        pass
