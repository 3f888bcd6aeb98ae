"""`make run` says so when what it shows is not right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.running_engine import stub_folder


def run_samples(repository: Path, place: Path) -> subprocess.CompletedProcess[str]:
    base, out = place / "base", place / "out"
    return subprocess.run(
        [sys.executable, "-m", "quire.process.run_samples", "--out", str(out)],
        env={**os.environ, "PYTHONPATH": str(repository / "code"), "SAGEMAKER_BASE_DIR": str(base)},
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
    assert "before it was ready" in done.stderr
    assert "quire.json" in (tmp_path / "out" / "serve.log").read_text()
