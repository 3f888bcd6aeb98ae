"""`quire conformance` lists, asks before it costs anything, and ends with a status."""

from __future__ import annotations

import subprocess
import sys

import pytest

from quire_endpoint.conformance.estimate import estimate
from quire_endpoint.conformance.plans import MAIN, SCALED
from quire_endpoint.conformance.suite import ROWS

AWS = ("--target=aws", "--role=r", "--bucket=b", "--image=i", "--region=eu-west-1")


def quire(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quire_endpoint.command", "conformance", *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=120)


def test_rows_are_listed() -> None:
    listed = quire("--list").stdout.splitlines()
    assert len(listed) == len(ROWS)
    assert listed[0].split()[:2] == ["1", ROWS[0].name]


def test_unknown_row_is_named() -> None:
    done = quire("no-such-row")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no row 'no-such-row'" in done.stderr


def test_aws_needs_what_it_needs() -> None:
    done = quire("--target", "aws", "--role", "r")
    assert done.returncode == 2
    assert "--target aws needs --bucket and --image and --region" in done.stderr


def test_aws_is_asked_for_after_the_price() -> None:
    done = quire(*AWS, typed="n\n")
    assert done.returncode == 2
    assert "US dollars" in done.stdout
    assert "Nobody has run this suite against AWS yet" in done.stdout


def test_chosen_row_is_checked() -> None:
    done = quire("answered-202")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "1 holds, 0 differs, 0 not checkable here"


@pytest.mark.parametrize(("plan", "instances"), [(MAIN, 1), (SCALED, 3)])
def test_price_is_of_instances_and_hours(plan: object, instances: int) -> None:
    told = estimate([row for row in ROWS if row.claim.plans == (plan,)], price_per_hour=1.0)
    assert (told.endpoints, told.instances) == (1, instances)
    assert told.dollars == pytest.approx(told.hours * instances)
