"""Kills and hangs under multi-model-server: what heals, what ends, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fakes.painted_pages import painted_page
from tests.fakes.processes import is_alive
from tests.fakes.running_container import Container, handler_folder
from tests.fakes.running_engine import stub_folder
from tests.fakes.running_front_end import Answer, eventually, http_request
from tests.mms.conftest import await_warm, serving_under, short_folder

JAVA, NURSERY, PROGRAM = (
    "com.amazonaws.ml.mms.ModelServer",
    "quire.process.mms_worker",
    "quire.process.mms_program",
)

UNRULY = """
import ctypes, json, os, pathlib, sys, time

BASE = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])

def model_fn(model_dir):
    with open(BASE / "loads", "a") as file:
        file.write(f"{os.getpid()}\\n")

def input_fn(body, content_type):
    return json.loads(body)

def predict_fn(order, model):
    (BASE / "begun").touch()
    if order == "hold the GIL":
        ctypes.PyDLL(None).usleep(60 * 10**6)
    if order == "leave":
        sys.exit(3)
    if order == "be killed":
        os.kill(os.getpid(), 9)
    if order == "wait":
        while not (BASE / "released").exists():
            time.sleep(0.01)
    return str(os.getpid())

def output_fn(pid, accept):
    print("printed by the handler")
    return json.dumps(pid)
"""


def ask(container: Container, order: str) -> Answer:
    return container.send(json.dumps(order).encode())


def pid_of(answer: Answer) -> int:
    assert answer.status == 200, answer.body
    return int(answer.json)


def heals(container: Container, body: bytes, content_type: str) -> bool:
    """An invocation is answered. Until the server listens again callers are refused or cut off."""
    try:
        headers = {"Content-Type": content_type}
        return http_request(container.port, "POST", "/invocations", body, headers).status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def reader() -> Iterator[Container]:
    """The built-in handler over the stub model, three documents at once."""
    with short_folder() as folder:
        settings = {"QUIRE_MAX_CONCURRENT_INVOCATIONS": "3", "QUIRE_DEVICE_WORKERS": "1"}
        with serving_under("mms", stub_folder(folder), **settings) as container:
            await_warm(container)
            yield container


@pytest.fixture(scope="module")
def unruly() -> Iterator[Container]:
    """A user's handler with a model of its own, in two workers."""
    with short_folder() as folder:
        settings = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2", "QUIRE_DEADLINE_SECONDS": "1.5"}
        with serving_under("mms", handler_folder(folder, UNRULY), **settings) as container:
            await_warm(container)
            yield container


def test_workers_of_the_built_in_handler_are_as_many_as_documents_and_light(reader: Container) -> None:
    eventually(lambda: len(reader.pids_of(NURSERY)) > 3)
    nursery_and_workers = reader.pids_of(NURSERY)
    assert len(nursery_and_workers) == 4
    for pid in nursery_and_workers:
        assert "torch" not in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize("victim", [JAVA, NURSERY, PROGRAM], ids=["java", "nursery", "program"])
def test_the_server_is_started_again_whole(reader: Container, victim: str) -> None:
    before = [pid for word in (JAVA, NURSERY, PROGRAM) for pid in reader.pids_of(word)]
    os.kill(reader.pids_of(victim)[0], signal.SIGKILL)
    eventually(lambda: not any(is_alive(pid) for pid in before))
    eventually(lambda: heals(reader, painted_page(), "image/png"))


def test_nothing_is_left_when_the_supervisor_is_killed(reader: Container) -> None:
    below = reader.pids()
    assert len(below) > 6
    reader.process.kill()
    eventually(lambda: not any(is_alive(pid) for pid in below))


def test_each_worker_loads_the_model_once(unruly: Container) -> None:
    pids = {pid_of(ask(unruly, "answer")) for _ in range(6)}
    loads = [int(word) for word in (unruly.folder / "loads").read_text().split()]
    assert pids <= set(loads)
    assert len(loads) == len(set(loads)) == 2


def test_what_a_handler_prints_is_a_line_of_the_log(unruly: Container) -> None:
    ask(unruly, "answer")
    eventually(lambda: '"event": "printed by the handler"' in unruly.log)


@pytest.mark.parametrize("order", ["hold the GIL", "leave", "be killed"])
def test_a_worker_that_hangs_or_ends_costs_its_own_call(unruly: Container, order: str) -> None:
    """Under gunicorn the caller gets our typed error, and a call whose worker died is tried once more."""
    answer = ask(unruly, order)
    assert (answer.status, answer.json["message"]) == (500, "Worker died.")
    assert pid_of(ask(unruly, "answer"))
    assert unruly.ping() == 200


def test_the_stacks_of_a_handler_that_hung_are_logged(unruly: Container) -> None:
    assert "Timeout" in unruly.log
    assert "predict_fn" in unruly.log


def test_sigterm_lets_a_call_in_hand_end(unruly: Container) -> None:
    (unruly.folder / "begun").unlink()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(ask, unruly, "wait")
        eventually((unruly.folder / "begun").exists)
        os.kill(unruly.process.pid, signal.SIGTERM)
        eventually(lambda: "SIGTERM to" in unruly.log)
        (unruly.folder / "released").touch()
        assert pid_of(sent.result())
    assert unruly.ended() == 0


@pytest.mark.parametrize(
    ("program", "settings", "says"),
    [
        (f"import nothing_by_this_name\n{UNRULY}", {}, "cannot be imported: ModuleNotFoundError"),
        ("def model_fn(a, b, c): pass\ndef predict_fn(d, m): pass", {}, "takes neither 1 nor 2 arguments"),
        (UNRULY, {"JAVA_HOME": "/nowhere"}, "there is no Java"),
        (UNRULY, {"QUIRE_BIND_HOST": "::1"}, "takes no IPv6 address"),
    ],
    ids=["import", "signature", "java", "address"],
)
def test_what_cannot_be_served_ends_the_container(
    folder: Path, program: str, settings: dict[str, str], says: str
) -> None:
    with serving_under("mms", handler_folder(folder, program), **settings) as container:
        assert container.ended() == 1
        reasons = [line for line in container.log.splitlines() if says in line]
        assert len(reasons) == 1, container.log
        assert '"reason"' in reasons[0]
