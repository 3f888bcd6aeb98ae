"""`quire local …` and `quire why`, of an endpoint that runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quire_endpoint.client import Document, Request, Succeeded
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.command import app
from quire_endpoint.s3_location import S3Location
from tests.local.page.conftest import Stand


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


def quire(url: str, *arguments: str) -> Said:
    environ = {"AWS_ENDPOINT_URL": url, "NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}
    done = CliRunner().invoke(app, arguments, env=environ)
    return Said(done.exit_code, done.stdout, done.stderr)


def test_status_shows_endpoint_instance_request_and_fault(stand: Stand) -> None:
    stand.invoke("one", "status=500")
    stand.ended("one")
    stand.admin.post("/faults", {"kind": "no-capacity"})
    said = quire(stand.local.url, "local", "status").out
    stand.admin.delete("/faults")
    assert re.search(r"^stub +InService +1 of 1 +2 +0 +0", said, re.MULTILINE), said
    assert re.search(r"^i-\w+ +stub +in service +\d", said, re.MULTILINE), said
    assert re.search(r"^one +stub +.* model-error +1 +the container answered 500", said, re.MULTILINE), said
    assert re.search(r"^no-capacity +every", said, re.MULTILINE), said


@pytest.mark.parametrize("name", ["a[/b]", "doc[red]1", "[bold]x"])
def test_status_shows_names_as_they_are(stand: Stand, name: str) -> None:
    """Whatever they would mean to the program that draws the table."""
    stand.invoke(name, "status=500")
    stand.ended(name)
    said = quire(stand.local.url, "local", "status")
    assert re.search(rf"^{re.escape(name)} +stub ", said.out, re.MULTILINE), said


def test_why_tells_cause_remedy_and_where_it_is_written(stand: Stand) -> None:
    stand.invoke("why-not", "status=422;says=why-not: I do not like it")
    stand.ended("why-not")
    said = quire(stand.local.url, "why", "why-not").out
    first, *rest = said.splitlines()
    assert first == "why-not at stub: model-error"
    assert "The container found fault with the request" in said
    assert "What helps: Mend the request" in said
    assert re.search(r"^ +0\.000 s  received$", said, re.MULTILINE)
    assert 'Received client error (422) from primary with message "two words"' in said
    assert "  why-not: I do not like it" in rest
    assert rest[-2:] == ["Failure object:", "  two words"]


def test_why_of_an_unknown_one(stand: Stand) -> None:
    said = quire(stand.local.url, "why", "nobody")
    assert said.out.startswith("nobody: unknown\n")
    assert said.status == 0


def test_why_knows_from_the_ledger_what_became_of_the_document(stand: Stand, tmp_path: Path) -> None:
    """It was lost, and submitted again."""
    ledger = Ledger(tmp_path / "ledger")
    job = ledger.enter(Document(b"1", "a page"), Request(), keeps_body=True)
    for seconds in (1.0, 2.0):
        assert ledger.intend(ledger.job(job.number), seconds)
    latest, first = ledger.attempts(job.number)
    ledger.finish(job.number, Succeeded("a page", latest.inference_id, 2, S3Location("answers", "out/2.out")))
    ledger.close()
    asked = ("why", first.inference_id, "--ledger", str(tmp_path / "ledger"))
    assert quire(stand.local.url, *asked).out.splitlines()[-5:] == [
        f"{tmp_path}/ledger:",
        "  the document is a page",
        f"  called as {first.inference_id} (this one), whose answer never came",
        f"  called as {latest.inference_id}, whose answer never came",
        f"  Succeeded as {latest.inference_id}: s3://answers/out/2.out",
    ]
    absent = quire(stand.local.url, "why", "nobody", "--ledger", str(tmp_path / "absent"))
    assert (absent.status, absent.err.count("\n")) == (1, 1)


def test_faults_come_and_go(stand: Stand) -> None:
    def fault(*arguments: str) -> Said:
        return quire(stand.local.url, "local", "fault", *arguments)

    assert fault("--list").out == "No faults are on.\n"
    added = fault("slow-upload", "--seconds", "7", "--times", "2", "--share", "0.5")
    assert re.search(r"^slow-upload +every +0\.5 +2 +7", added.out, re.MULTILINE), added
    assert "throttling" in fault("throttling", "--endpoint", "x").out
    cleared = fault("--clear", "unavailable")
    assert cleared.out.count("\n") == 2, "the heading, and the one that is new"
    assert fault("--clear").out == "No faults are on.\n"
    assert fault().status == 2
    assert fault("earthquake").status == 2
    refused = fault("throttling", "--share", "2")
    assert (refused.status, refused.err) == (1, "quire: share is above 0 and at most 1, not 2.0\n")


def test_instance_is_killed(stand: Stand) -> None:
    said = quire(stand.local.url, "local", "kill-instance", "stub", "--fate", "redelivered")
    assert re.fullmatch(r"i-\w+ of stub is killed\.\n", said.out), said
    for name in ("nobody", "a b", "a?b#c"):
        refused = quire(stand.local.url, "local", "kill-instance", name)
        assert (refused.status, refused.err) == (1, f"quire: no endpoint {name!r} runs here\n")


@pytest.mark.parametrize("command", [("local", "status"), ("local", "down"), ("why", "x")])
def test_without_an_endpoint_commands_say_what_to_do(command: tuple[str, ...]) -> None:
    said = quire("http://127.0.0.1:1", *command)
    assert said.status == 1
    assert said.err.startswith("quire: no local endpoint answers at http://127.0.0.1:1 (")
