"""`make run` says so when what it shows is not right."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from quire.process.run_samples import read_samples
from quire.process.sample_endpoint import EndpointFailed, sample_endpoint
from tests.fakes.processes import descendants, is_alive, signal_another_thread
from tests.fakes.running_engine import stub_folder

PATIENCE_SECONDS = 60.0


def ask(url: str, path: str, **body: object) -> None:
    data = json.dumps(body).encode()
    request = urllib.request.Request(
        f"{url}/_quire{path}", data, {"Content-Type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=10).close()


def await_request(url: str) -> None:
    """Until one has been accepted."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert time.monotonic() < end, "no request comes"
        with urllib.request.urlopen(f"{url}/_quire/state", timeout=10) as state:
            if json.load(state)["requests"]:
                return
        time.sleep(0.02)


def command(place: Path) -> list[str]:
    model, out = place / "base" / "model", place / "out"
    return [sys.executable, "-m", "quire.process.run_samples", "--out", str(out), "--model", str(model)]


def run_samples(repository: Path, place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(place),
        env={**os.environ, "PYTHONPATH": str(repository / "code")},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_text_that_is_wrong_fails_the_run(repository: Path, tmp_path: Path) -> None:
    """The stub reads no text, so only the born-digital sample is right."""
    stub_folder(tmp_path / "base")
    done = run_samples(repository, tmp_path)
    assert done.returncode == 1
    assert "has a character error rate of" in done.stderr
    assert "character error rate 0.00%" in done.stdout
    assert "/_quire/" in done.stdout
    assert "exit status 0" in done.stdout
    answers = {path.name: json.loads(path.read_bytes()) for path in (tmp_path / "out").glob("*.json")}
    assert {name: len(answer["pages"]) for name, answer in answers.items()} == {
        "invoice.jpg.json": 1,
        "report.png.json": 1,
        "letters.tiff.json": 3,
        "statement.pdf.json": 2,
        "contract.pdf.json": 40,
    }
    assert answers["letters.tiff.json"]["reference"] == "letters.tiff"


@pytest.mark.parametrize("content", ["{", '{"task": "magic"}'])
def test_container_that_cannot_start_fails_the_run(repository: Path, tmp_path: Path, content: str) -> None:
    stub_folder(tmp_path / "base")
    (tmp_path / "base" / "model" / "quire.json").write_text(content)
    done = run_samples(repository, tmp_path)
    assert done.returncode == 1
    assert "make run: the endpoint is Failed: " in done.stderr
    (log,) = (tmp_path / "out" / "local" / "logs").rglob("i-*.log")
    assert "quire.json" in log.read_text()


def test_failure_that_is_written_nowhere_ends_the_run_at_once(tmp_path: Path) -> None:
    """And the documents beside it, which would take their time."""
    stub_folder(tmp_path / "base")
    with sample_endpoint(tmp_path / "local", 4, tmp_path / "base" / "model") as endpoint:
        ask(endpoint.url, "/faults", kind="failing-download", times=1)
        ask(endpoint.url, "/faults", kind="slow-upload", seconds=600)
        began = time.monotonic()
        with pytest.raises(EndpointFailed, match=r"failed \(download-failed\): The input could not be"):
            read_samples(endpoint, tmp_path)
        assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.parametrize("send", [os.kill, signal_another_thread])
def test_ctrl_c_ends_the_run(repository: Path, tmp_path: Path, send: Callable[[int, int], None]) -> None:
    stub_folder(tmp_path / "base")
    with subprocess.Popen(
        command(tmp_path),
        env={**os.environ, "PYTHONPATH": str(repository / "code")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = re.search(r"http://[^/]+", process.stdout.readline())
        assert address
        ask(address[0], "/faults", kind="slow-upload", seconds=600)
        await_request(address[0])
        started = descendants(process.pid)
        send(process.pid, signal.SIGINT)
        try:
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            left = [pid for pid in (process.pid, *started) if is_alive(pid)]
            for pid in left:
                os.kill(pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not left


def test_folder_of_somebodys_is_not_emptied(repository: Path, tmp_path: Path) -> None:
    stub_folder(tmp_path / "base")
    thesis = tmp_path / "out" / "local" / "logs" / "thesis.tex"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")
    done = run_samples(repository, tmp_path)
    assert done.returncode == 1
    assert "is no local endpoint's, and one would delete it" in done.stderr
    assert thesis.read_text() == "years of work"
