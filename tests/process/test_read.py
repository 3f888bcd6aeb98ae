"""`quire read` as it is typed: the command, the program, an engine of its own over the stub model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from quire.formats.published import schema_text
from tests.fakes.processes import command_line, descendants
from tests.fakes.running_engine import stub_folder

PATIENCE_SECONDS = 120


@pytest.fixture
def environ(tmp_path: Path, repository: Path) -> dict[str, str]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    base = stub_folder(tmp_path / "base")
    places = {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_SCRATCH_DIR": str(scratch)}
    return {**os.environ, "PYTHONPATH": str(repository), **places}


def quire(
    environ: dict[str, str], *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quire_endpoint.command", *map(str, arguments)],
        env=environ,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def picture(place: Path, name: str = "page.png", size: tuple[int, int] = (40, 30)) -> Path:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "white").save(path)
    return path


def test_text_goes_to_stdout(environ: dict[str, str], tmp_path: Path) -> None:
    done = quire(environ, "read", picture(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("40 x 30: ")


def test_several_files_are_titled_and_keep_their_order(environ: dict[str, str], tmp_path: Path) -> None:
    files = [picture(tmp_path, f"{width}.png", (width, 30)) for width in (90, 50, 70, 60, 80)]
    done = quire(environ, "read", *files)
    titles = [line for line in done.stdout.splitlines() if line.startswith("==>")]
    assert titles == [f"==> {path} <==" for path in files]


def test_json_names_the_file_and_obeys_the_schema(environ: dict[str, str], samples: Path) -> None:
    path = samples / "letters.tiff"
    done = quire(environ, "read", path, "--format", "json", "--pages", "2-")
    answer = json.loads(done.stdout)
    Draft202012Validator(json.loads(schema_text("quire.document-1.json"))).validate(answer)
    assert answer["reference"] == str(path)
    assert answer["source"]["num_pages"] == 3
    assert [page["page"] for page in answer["pages"]] == [2, 3]


def test_out_gets_a_file_a_document_even_of_one_name(environ: dict[str, str], tmp_path: Path) -> None:
    first, second = picture(tmp_path / "a"), picture(tmp_path / "b")
    out = tmp_path / "results" / "today"
    done = quire(environ, "read", first, second, "--out", out, "--format", "jsonlines")
    assert (done.returncode, done.stdout) == (0, "")
    assert {path.name for path in out.iterdir()} == {"page.png.jsonl", "page.png-2.jsonl"}
    assert json.loads((out / "page.png-2.jsonl").read_text())["reference"] == str(second)


def test_failed_file_is_named_and_the_others_are_read(environ: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing")
    absent = tmp_path / "absent.png"
    done = quire(environ, "read", broken, absent, picture(tmp_path))
    assert done.returncode == 1
    assert f"quire read: {broken}: " in done.stderr
    assert "(document_unreadable)" in done.stderr
    assert f"quire read: {absent}: No such file" in done.stderr
    assert "40 x 30" in done.stdout


def test_pages_that_fail_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    done = quire({**environ, "QUIRE_MAX_SOURCE_PIXELS": "100000"}, "read", picture(tmp_path, size=(400, 300)))
    assert done.returncode == 1
    assert "(page_too_large)" in done.stderr


def test_password_opens_an_encrypted_pdf(environ: dict[str, str], samples: Path) -> None:
    for password in ([], ["--password", "wrong"]):
        locked = quire(environ, "read", samples / "encrypted.pdf", *password)
        assert (locked.returncode, locked.stdout) == (1, "")
        assert "(document_encrypted)" in locked.stderr
    opened = quire(environ, "read", samples / "encrypted.pdf", "--password", "quire")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.strip()


def test_file_whose_name_begins_with_a_dash(environ: dict[str, str], tmp_path: Path) -> None:
    picture(tmp_path, "-page.png")
    done = quire(environ, "read", "--", "-page.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--pages", "0"), "pages"),
        (("--dpi", "7"), "36 to 1200"),
    ],
)
def test_bad_option_is_said_before_anything_starts(
    environ: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = quire({**environ, "SAGEMAKER_BASE_DIR": "/proc"}, "read", picture(tmp_path), *arguments)
    assert done.returncode == 1
    assert sentence in done.stderr


def test_bad_setting_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    done = quire({**environ, "QUIRE_DPI": "7"}, "read", picture(tmp_path))
    assert done.returncode == 1
    assert "QUIRE_DPI='7'" in done.stderr


def test_engine_that_cannot_start_says_why(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "base" / "model" / "quire.json").write_text("{")
    done = quire(environ, "read", picture(tmp_path))
    assert done.returncode == 1
    assert "the engine did not start" in done.stderr
    assert "quire.json cannot be read" in done.stderr


def test_nothing_is_left_behind(environ: dict[str, str], tmp_path: Path) -> None:
    quire(environ, "read", picture(tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_engine_that_dies_ends_the_read(environ: dict[str, str], tmp_path: Path) -> None:
    stub_folder(tmp_path / "base", page_seconds=60.0)
    reading = started_read(environ, picture(tmp_path))
    os.kill(_busy_engine(reading.pid), signal.SIGKILL)
    _, complaint = reading.communicate(timeout=PATIENCE_SECONDS)
    assert reading.returncode == 1
    assert "(engine_lost)" in complaint


def test_interrupt_does_not_wait_for_documents(environ: dict[str, str], tmp_path: Path) -> None:
    stub_folder(tmp_path / "base", page_seconds=600.0)
    reading = started_read(environ, picture(tmp_path))
    engine = _busy_engine(reading.pid)
    os.killpg(reading.pid, signal.SIGINT)
    reading.communicate(timeout=PATIENCE_SECONDS)
    assert reading.returncode != 0
    assert not Path(f"/proc/{engine}").exists()


def started_read(environ: dict[str, str], path: Path) -> subprocess.Popen[str]:
    """In a process group of its own, as a shell starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "quire_endpoint.command", "read", str(path)],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _busy_engine(pid: int) -> int:
    """The engine below `pid`, once its device worker runs and a document is in flight."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        below = descendants(pid)
        engines = [child for child in below if b"engine_program" in command_line(child)]
        if engines and _scratch_pages(engines[0]):
            return engines[0]
        time.sleep(0.05)
    raise AssertionError("no engine with a document in flight")


def _scratch_pages(engine: int) -> list[Path]:
    words = command_line(engine).split(b"\0")
    scratch = Path(os.fsdecode(words[words.index(b"--scratch") + 1]))
    return list(scratch.glob("pages-*"))
