"""The harness itself, end to end and small: the stub's table, and the default model's on two documents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from quire.models.build_model import build_default_model
from quire.models.model_folder import default_model_dir

PATIENCE_SECONDS = 300


def bench(repository: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(repository / "code"), str(repository)))
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        env={**os.environ, "PYTHONPATH": path, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


@pytest.fixture
def two_documents(tmp_path: Path) -> Path:
    """A folder as QUIRE_DOCUMENTS names one, with a receipt and a form."""
    for path, text in (("receipts/1.jpg", "TOTAL 12.50"), ("forms/1.png", "Name of sender")):
        place = tmp_path / "documents" / path
        place.parent.mkdir(parents=True)
        page = Image.new("RGB", (400, 200), "white")
        ImageDraw.Draw(page).text((20, 80), text, "black", ImageFont.load_default(40))
        page.save(place)
    return tmp_path / "documents"


def test_stub_table(repository: Path, tmp_path: Path) -> None:
    rows = ("stub-engine", "stub-http", "stub-flask")
    done = bench(repository, "--stub", "--quick", "--out", str(tmp_path), "--only", *rows)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "bench-stub.json").read_text())["figures"]
    engine, http, flask = found["rows"]
    assert [row["key"] for row in found["rows"]] == list(rows)
    assert all(row["pages_per_second"] > 0 for row in found["rows"])
    assert flask["occupancy"]["mixed_share"] == 0
    for row in (engine, http):
        assert row["occupancy"]["mixed_share"] > 0
        assert row["occupancy"]["lanes"]["stub"]["num_items"] == sum(each["pages"] for each in row["rounds"])
    assert "| engine without HTTP |" in (tmp_path / "bench-stub.md").read_text()


def test_default_model_on_two_documents(repository: Path, tmp_path: Path, two_documents: Path) -> None:
    build_default_model(default_model_dir(), print)
    places = {"QUIRE_DOCUMENTS": str(two_documents), "QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_WORKERS": "1"}
    rows = ("ceiling-cores", "http-4", *(("mms-4",) if shutil.which("java") else ()))
    arguments = ("--quick", "--precision", "fp32", "--out", str(tmp_path), "--only", *rows)
    done = bench(repository, *arguments, **places)
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("bench-cpu*-fp32.json")
    ceiling, *containers = json.loads(written.read_text())["figures"]["rows"]
    assert ceiling["share_of_ceiling"] == 1
    assert len(containers) == len(rows) - 1
    for container in containers:
        assert container["share_of_ceiling"] > 0
        assert set(container["occupancy"]["lanes"]) == {"detection", "recognition"}
        assert 0 < container["occupancy"]["lanes"]["detection"]["fill"] <= 1


def test_documents_that_are_not_there_are_a_sentence(repository: Path, tmp_path: Path) -> None:
    done = bench(repository, "--only", "http-1", QUIRE_DOCUMENTS=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"quire bench: {tmp_path} holds nothing for --documents both: ")
    assert "Traceback" not in done.stderr


def test_unknown_row_is_a_sentence_with_the_known_ones(repository: Path) -> None:
    done = bench(repository, "--documents", "samples", "--only", "triton")
    assert done.returncode == 2
    assert "no row 'triton'; there are ceiling" in done.stderr
