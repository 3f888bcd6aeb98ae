"""`quire submit`, `quire results` and `quire watch`, as a user types them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from quire_endpoint.client_commands import file_name
from quire_endpoint.command import app
from quire_endpoint.local.up import LocalEndpoint
from quire_endpoint.s3_location import S3Location
from tests.fakes.local_async_endpoint import ENDPOINT, PREFIX


def quire(*arguments: str | Path, cwd: Path) -> Result:
    """In this process, which has boto3 at hand."""
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two documents, one of them too large for the call."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "größe.txt").write_bytes(b"l" * 200_000)
    (tmp_path / "in" / "small.txt").write_text("small")
    return tmp_path


def test_submit_and_results(local: LocalEndpoint, place: Path) -> None:
    given = ("submit", ENDPOINT, "in/größe.txt", "in/small.txt", "--input", PREFIX, "--within", "60")
    done = quire(*given, "--out", "out", cwd=place)
    assert done.exit_code == 0, done.stderr
    assert sorted(line.split("\t")[:2] for line in done.stdout.splitlines()) == [
        ["succeeded", "in/größe.txt"],
        ["succeeded", "in/small.txt"],
    ]
    answers = {path.name: path.stat().st_size for path in (place / "out").glob("*.out")}
    assert answers == {"in%2Fgröße.txt.out": 200_000, "in%2Fsmall.txt.out": 5}
    num_accepted = len(local.journal.latest(1000))
    assert quire(*given, cwd=place).exit_code == 0
    assert len(local.journal.latest(1000)) == num_accepted
    listed = quire("results", "quire-stub.ledger", "--json", cwd=place)
    assert [json.loads(line)["kind"] for line in listed.stdout.splitlines()] == ["Succeeded", "Succeeded"]


def test_answer_of_a_changed_file_takes_the_place_of_the_old_one(local: LocalEndpoint, place: Path) -> None:
    given = ("submit", ENDPOINT, "in/small.txt", "--within", "60", "--out", "out")
    for text in ("small", "changed"):
        (place / "in" / "small.txt").write_text(text)
        assert quire(*given, cwd=place).exit_code == 0
        assert (place / "out" / "in%2Fsmall.txt.out").read_text() == text
    written = (place / "out" / "in%2Fsmall.txt.out").stat().st_mtime_ns
    assert quire(*given, cwd=place).exit_code == 0
    assert (place / "out" / "in%2Fsmall.txt.out").stat().st_mtime_ns == written


def test_answer_that_is_gone_keeps_no_other_from_coming(local: LocalEndpoint, place: Path) -> None:
    for name in "ab":
        (place / name).write_text(name)
        assert quire("submit", ENDPOINT, name, "--within", "60", cwd=place).exit_code == 0
    first, _ = quire("results", "quire-stub.ledger", "--json", cwd=place).stdout.splitlines()
    location = S3Location.parse(json.loads(first)["output"])
    boto3.client("s3").delete_object(Bucket=location.bucket, Key=location.key)
    done = quire("results", "quire-stub.ledger", "--out", "out", cwd=place)
    assert done.exit_code == 1
    assert done.stderr.startswith("quire: a: s3://"), done.stderr
    assert [path.name for path in (place / "out").glob("*.out")] == ["b.out"]


def test_names_that_are_not_utf8_are_submitted_and_no_location_is_one_failure(
    local: LocalEndpoint, place: Path
) -> None:
    (place / os.fsdecode(b"caf\xe9.txt")).write_text("Latin-1")
    (place / "list").write_bytes(b"caf\xe9.txt\ns3:///nowhere\n")
    done = quire("submit", ENDPOINT, "--from", "list", "--within", "60", "--out", "out", cwd=place)
    assert done.exit_code == 1
    assert sorted(line.split("\t")[:2] for line in done.stdout.splitlines()) == [
        ["failed", "s3:///nowhere"],
        ["succeeded", "caf\\udce9.txt"],
    ], done.stderr


def test_failure_is_told_and_tried_again_when_asked(local: LocalEndpoint, place: Path) -> None:
    given = ("submit", ENDPOINT, "in/small.txt", "--option", "status=500", "--within", "60")
    for more in ((), ("--retry-failed",)):
        done = quire(*given, *more, cwd=place)
        assert (done.exit_code, done.stdout) == (1, "failed\tin/small.txt\tsmall\n"), done.stderr
    assert "1 documents are tried again" in done.stderr
    assert quire("results", "quire-stub.ledger", "--failed", cwd=place).stdout.startswith("failed\t")


def test_watch_waits_for_what_was_submitted(local: LocalEndpoint, place: Path) -> None:
    (place / "list").write_text("in/small.txt\n")
    submitted = quire("submit", ENDPOINT, "--from", "list", "--no-wait", "--option", "seconds=1", cwd=place)
    assert submitted.stdout.endswith("\tin/small.txt\n"), submitted.stderr
    early = quire("watch", "quire-stub.ledger", "--within", "0.1", cwd=place)
    assert early.exit_code == 1
    assert early.stderr.startswith("quire: 1 documents without an outcome yet: in/small.txt")
    done = quire("watch", "quire-stub.ledger", "--within", "60", "--out", "out", cwd=place)
    assert (done.exit_code, done.stdout.split("\t")[0]) == (0, "succeeded"), done.stderr
    assert (place / "out" / "in%2Fsmall.txt.out").read_text() == "small"


def test_dry_run_says_hours_and_leaves_no_ledger(local: LocalEndpoint, place: Path) -> None:
    given = ("--dry-run", "--document-seconds", "1800", "--at-once", "2")
    done = quire("submit", ENDPOINT, "in/größe.txt", "in/small.txt", "s3://a/b", *given, cwd=place)
    assert done.stdout == (
        "3 documents: 0 submitted before, 1 in S3, 1 go with the call, 0.2 MB to upload\n"
        "0.8 hours for 3 documents, where one takes 1800 s and 2 are in work at once\n"
    ), done.stderr
    assert [path.name for path in place.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("submit", "absent", "in/small.txt"), "quire: in/small.txt: the endpoint refuses it: "),
        (("submit", ENDPOINT, "in/größe.txt"), "quire: in/größe.txt: it is uploaded first; an input prefix"),
        (("submit", ENDPOINT, "--ttl", "5"), "quire: ttl_seconds is 60 to 21600, not 5"),
        (("results", "absent"), "quire: absent is not there: `quire submit` makes a ledger"),
        (("watch", "in/small.txt"), "quire: in/small.txt cannot be used as a ledger"),
        (("results", "broken.ledger"), "quire: the ledger cannot be used: "),
    ],
)
def test_what_stands_in_the_way_is_one_line(
    local: LocalEndpoint, place: Path, arguments: tuple[str, ...], said: str
) -> None:
    with contextlib.closing(sqlite3.connect(place / "broken.ledger")) as broken:
        broken.executescript("create table settings (name, value); pragma user_version=1;")
    done = quire(*arguments, cwd=place)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(said), done.stderr
    assert done.stderr.count("\n") == 1


def test_answers_of_different_documents_have_different_names() -> None:
    names = ["a/b", "a%2Fb", "a_b", "s3://a/b", "ä" * 300, "ä" * 301, "a\nb"]
    files = [file_name(name, f"id-{number}") for number, name in enumerate(names)]
    assert len(set(files)) == len(names)
    assert all(len(file.encode()) < 255 and "/" not in file for file in files)
