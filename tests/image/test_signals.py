"""The image's PID 1: it hears signals, reaps orphans, heals, and its exit code says how it ended."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.image.running_image import Running, running

PROCESSES = """
import json, pathlib
found = []
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        state = (entry / "stat").read_text().rpartition(") ")[2].split()
        words = (entry / "cmdline").read_bytes().replace(bytes(1), b" ").decode()
    except OSError:
        continue
    found.append({"pid": int(entry.name), "state": state[0], "parent": int(state[1]), "command": words})
print(json.dumps(found))
"""

ORPHANS = """
import os
for _ in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os.execvp("sleep", ["sleep", "0.3"])
        os._exit(0)
    os.wait()
"""

KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


def processes(container: Running) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(container.python(PROCESSES))
    return found


def pid_of(container: Running, word: str) -> object:
    return next((one["pid"] for one in processes(container) if word in str(one["command"])), None)


def eventually_heals(container: Running, word: str, old: object) -> None:
    deadline = time.monotonic() + 60
    while pid_of(container, word) in (None, old) or container.ping() != 200:
        assert time.monotonic() < deadline, f"no other {word} came"
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_it_stops_when_told_with_0(image: str, name: str) -> None:
    with running(image) as container:
        container.await_healthy()
        container.signal(name)
        assert container.exit_code() == 0


def test_stop_while_it_is_still_loading_is_heard(image: str) -> None:
    with running(image) as container:
        deadline = time.monotonic() + 20
        while '"settings"' not in container.log():
            assert time.monotonic() < deadline, "it says nothing"
            time.sleep(0.02)
        container.signal("TERM")
        assert container.exit_code() == 0


def test_what_is_in_flight_at_the_end_is_answered(image: str, samples: Path) -> None:
    contract = (samples / "contract.pdf").read_bytes()
    with running(image, QUIRE_DRAIN_SECONDS="1") as container, ThreadPoolExecutor(1) as pool:
        container.await_healthy()
        answer = pool.submit(container.post, contract, "application/pdf", "text=ocr")
        time.sleep(1.0)
        container.signal("TERM")
        error = answer.result().json["error"]
        assert (answer.result().status, error["code"], error["retryable"]) == (503, "shutting_down", True)
        assert container.exit_code() == 0


def test_orphans_are_reaped(image: str) -> None:
    with running(image) as container:
        container.await_healthy()
        container.python(ORPHANS)
        left = [one for one in processes(container) if "sleep" in str(one["command"])]
        assert {one["parent"] for one in left} <= {1}
        time.sleep(1.0)
        assert [one for one in processes(container) if one["state"] == "Z"] == []


@pytest.mark.parametrize("word", ["quire.engine.render_worker", "quire.models.device_program", "gunicorn"])
def test_killed_process_is_replaced_and_leaves_no_zombie(image: str, samples: Path, word: str) -> None:
    with running(image) as container:
        container.await_healthy()
        killed = pid_of(container, word)
        container.python(KILL, str(killed))
        eventually_heals(container, word, killed)
        assert container.post((samples / "invoice.jpg").read_bytes(), "image/jpeg").status == 200
        assert [one for one in processes(container) if one["state"] == "Z"] == []


def test_model_that_cannot_be_served_ends_it_with_1(image: str, tmp_path: Path) -> None:
    (tmp_path / "quire.json").write_text('{"task": "no such thing"}')
    with running(image, f"--volume={tmp_path}:/opt/ml/model:ro") as container:
        assert container.exit_code() == 1
        assert "quire.json" in container.log()


def test_impossible_setting_ends_it_with_2(image: str) -> None:
    with running(image, QUIRE_DPI="9") as container:
        assert container.exit_code() == 2
        assert "QUIRE_DPI='9' is outside 36 to 1200" in container.log()
