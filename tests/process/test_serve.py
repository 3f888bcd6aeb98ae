"""`./serve` as a container starts it, over the stub model: how it begins, how it ends, what it leaves."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fakes.processes import command_line
from tests.fakes.running_container import Container, accepts, run_serve, serving
from tests.fakes.running_engine import stub_folder
from tests.fakes.running_front_end import eventually


def tree_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path} {path.stat().st_mtime_ns}".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def test_a_whole_life(tmp_path: Path, page: Path) -> None:
    stub_folder(tmp_path, load_seconds=1.0)
    before = tree_digest(tmp_path / "model")
    with serving(tmp_path, QUIRE_RENDER_WORKERS="1") as container:
        eventually(lambda: accepts(container.port))
        assert container.ping() == 503
        early = container.post(page, "ref=early")
        assert (early.status, early.json["reference"]) == (200, "early")
        assert container.ping() == 200
        (private,) = container.scratch.iterdir()
        assert private.stat().st_mode & 0o777 == 0o700
        pids = container.pids()
        container.process.terminate()
        assert container.ended() == 0
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        assert list(container.scratch.iterdir()) == []
        assert tree_digest(tmp_path / "model") == before
        settings = json.loads(container.log.splitlines()[0])["settings"]
        assert settings["render_workers"] == {"value": 1, "from": "QUIRE_RENDER_WORKERS"}
        assert settings["dpi"] == {"value": 200, "from": "default"}


def test_what_can_end_while_draining_does_and_the_waiting_are_sent_away(tmp_path: Path, pages: Path) -> None:
    stub_folder(tmp_path, page_seconds=0.05)
    with (
        serving(tmp_path, QUIRE_MAX_CONCURRENT_INVOCATIONS="1") as container,
        ThreadPoolExecutor(2) as pool,
    ):
        container.await_warm()
        inside = pool.submit(container.post, pages, "ref=inside")
        eventually(lambda: in_scratch(container, "pages-*") == 1)
        waiting = pool.submit(container.post, pages, "ref=waiting")
        eventually(lambda: in_scratch(container, "invocation-*/body") == 2)
        container.process.terminate()
        container.process.terminate()
        assert (waiting.result().status, waiting.result().error["code"]) == (503, "shutting_down")
        assert container.ping() == 503
        assert (inside.result().status, len(inside.result().json["pages"])) == (200, 40)
        assert container.ended() == 0


def in_scratch(container: Container, pattern: str) -> int:
    """`pages-*` are the engine's results in flight, `invocation-*` the front end's invocations."""
    return len(list(container.scratch.glob(f"*/front-end/{pattern}")))


@pytest.mark.parametrize("word", ["quire.process.engine_program", "gunicorn"])
def test_a_killed_child_is_replaced(tmp_path: Path, page: Path, word: str) -> None:
    stub_folder(tmp_path)
    with serving(tmp_path, QUIRE_RENDER_WORKERS="1") as container:
        container.await_warm()
        killed = container.pids_of(word)
        os.kill(killed[0], signal.SIGKILL)
        eventually(lambda: container.pids_of(word) and not set(killed) & set(container.pids_of(word)))
        assert container.post(page).status == 200
        container.process.terminate()
        assert container.ended() == 0


def test_nobody_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    stub_folder(tmp_path)
    with serving(tmp_path, QUIRE_RENDER_WORKERS="1") as container:
        container.await_warm()
        pids = container.pids()
        assert len(pids) >= 5, "engine, render worker, device worker, arbiter, gunicorn's worker"
        for pid in container.pids_of("gunicorn"):
            os.kill(pid, signal.SIGSTOP)  # so that it cannot end of its own accord
        container.process.kill()
        eventually(lambda: not [command_line(pid) for pid in pids if command_line(pid)])


def test_a_model_that_cannot_be_served_ends_it_with_1_and_a_last_word(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "quire.json").write_text('{"task": "no such thing"}')
    with serving(tmp_path) as container:
        assert container.ended() == 1
        last = json.loads(container.log.splitlines()[-1])
        assert (last["process"], last["event"]) == ("supervisor", "the container ends")
        assert "the engine gave up (exit code 70)" in last["reason"]
        assert "quire.json" in container.log


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"QUIRE_DPI": "9"}, "QUIRE_DPI='9' is outside 36 to 1200"),
        ({"QUIRE_DPPI": "200"}, "did you mean QUIRE_DPI?"),
        ({"QUIRE_SCRATCH_DIR": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"QUIRE_BIND_HOST": "203.0.113.7"}, "QUIRE_BIND_HOST='203.0.113.7'"),
        ({"SAGEMAKER_PROGRAM": "mine.py"}, "mine.py"),
    ],
)
def test_impossible_settings_are_one_line_and_2(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    ended = run_serve(tmp_path, **settings)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_taken_port_is_one_line_and_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run_serve(tmp_path, SAGEMAKER_BIND_TO_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == 2
    assert "Address already in use" in ended.stderr


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    assert run_serve(tmp_path, "train").returncode == 2


def test_variables_that_would_turn_gunicorns_knobs_do_nothing(tmp_path: Path, page: Path) -> None:
    stub_folder(tmp_path)
    hostile = {
        "GUNICORN_CMD_ARGS": "--workers 3 --bind 127.0.0.1:1",
        "WEB_CONCURRENCY": "3",
        "SCRIPT_NAME": "/elsewhere",
        "PYTHONPATH": str(tmp_path),
    }
    (tmp_path / "code").mkdir()
    with serving(tmp_path, **hostile, QUIRE_RENDER_WORKERS="1") as container:
        container.await_warm()
        assert container.post(page).status == 200
        assert len(container.pids_of("gunicorn")) == 2
