"""A user's handler in a real container: where it runs, and what it may do without harming anybody else."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.running_container import Container, handler_folder, run_serve, serving
from tests.fakes.running_engine import stub_folder
from tests.fakes.running_front_end import Answer, eventually

ENGINE, WORKER = "quire.process.engine_program", "quire.process.handler_program"

OBEDIENT = """
import ctypes, json, os, pathlib, time

BASE = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])

def note(name):
    with open(BASE / name, "a") as file:
        file.write(f"{os.getpid()}\\n")

def model_fn(model_dir):
    note("loads")
    return 2

def input_fn(body, content_type):
    return json.loads(body)

def predict_fn(order, model, context):
    if "status" in order:
        context.set_response_status(order["status"])
    note("run-" + order["name"])
    return {"pid": os.getpid(), "twice": model * order.get("number", 0), **globals()[order["do"]](order)}

def output_fn(prediction, accept):
    return json.dumps(prediction), prediction.get("content_type", accept)

def answer(order):
    return {"content_type": order["content_type"]} if "content_type" in order else {}

def stop_the_process(order):
    os.kill(os.getpid(), 19)
    return {}

def hold_the_gil(order):
    until = time.monotonic() + order["seconds"]
    while (left := until - time.monotonic()) > 0:
        ctypes.PyDLL(None).usleep(int(left * 1e6))
    return {}

def wait(order):
    while not (BASE / ("release-" + order["name"])).exists():
        time.sleep(0.01)
    return {}

def wait_unless_tried_before(order):
    return {} if len((BASE / ("run-" + order["name"])).read_text().split()) > 1 else wait(order)

def fork_and_die(order):
    child = os.fork()
    if child == 0:
        if order["leaves_the_group"]:
            os.setsid()
        time.sleep(600)
    with open(BASE / ("forked-" + order["name"]), "a") as forked:
        forked.write(f"{child}\\n")
    time.sleep(0.1)
    os.kill(os.getpid(), 9)

def end_a_forked_child(order):
    child = os.fork()
    if child == 0:
        time.sleep(600)
    time.sleep(0.1)
    os.kill(child, 15)
    return {"ended_by": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}

def die(order):
    os.kill(os.getpid(), 9)

def leave(order):
    raise SystemExit(4)

def write_much(order):
    return {"much": "x" * order["number"]}
"""


def lines(path: Path) -> list[int]:
    """The pids that the handler has noted there."""
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def ask(container: Container, do: str, name: str = "x", attributes: str = "", **more: Any) -> Answer:
    return container.send(json.dumps({"do": do, "name": name, **more}).encode(), attributes)


def release(container: Container, name: str) -> None:
    (container.folder / f"release-{name}").touch()


def begun(container: Container, name: str, times: int = 1) -> int:
    """The pid of the worker that runs the call by that name, or has run it, for so many times."""
    noted = container.folder / f"run-{name}"
    eventually(lambda: len(lines(noted)) >= times)
    return lines(noted)[times - 1]


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """One worker, which obeys."""
    with serving(handler_folder(tmp_path_factory.mktemp("ml"), OBEDIENT)) as started:
        started.await_warm()
        yield started


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as threads:
        yield threads


def test_it_answers_and_no_engine_runs(container: Container) -> None:
    answer = ask(container, "answer", number=21)
    assert (answer.status, answer.json["twice"]) == (200, 42)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert "Transfer-Encoding" not in answer.headers
    assert container.pids_of(ENGINE) == []
    assert container.pids_of(WORKER) == [answer.json["pid"]]


def test_one_copy_of_the_model_answers_many_calls(container: Container, pool: ThreadPoolExecutor) -> None:
    loads = len(lines(container.folder / "loads"))
    answers = list(pool.map(lambda number: ask(container, "answer", number=number), range(40)))
    assert [answer.json["twice"] for answer in answers] == [2 * number for number in range(40)]
    assert len({answer.json["pid"] for answer in answers}) == 1
    assert len(lines(container.folder / "loads")) == loads


def test_a_handler_that_holds_the_gil_leaves_ping_alone(
    container: Container, pool: ThreadPoolExecutor
) -> None:
    call = pool.submit(ask, container, "hold_the_gil", "hold", seconds=3.0)
    worker = begun(container, "hold")
    statuses = []
    while not call.done():
        statuses.append(container.ping())
    assert set(statuses) == {200}
    assert len(statuses) > 10, "pings waited for the handler"
    assert call.result().json["pid"] == worker
    assert worker not in container.pids_of("gunicorn")


def test_a_handler_may_choose_status_and_type(container: Container) -> None:
    answer = ask(container, "answer", status=404, content_type="text/x-mine; charset=utf-8")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/x-mine; charset=utf-8")


@pytest.mark.parametrize(
    "chosen",
    [
        {"content_type": "text/plain\r\nX-More: 1"},
        {"content_type": "text/" + "x" * 5000},
        {"content_type": "text/\u00e9"},
        {"content_type": 5},
        {"status": 100},
        {"status": 99999},
    ],
)
def test_what_no_answer_may_have_is_the_handlers_error(container: Container, chosen: dict[str, Any]) -> None:
    answer = ask(container, "answer", **chosen)
    assert (answer.status, answer.error["code"]) == (500, "handler_failed")
    assert "X-More" not in answer.headers


def test_an_answer_of_many_bytes_comes_whole(container: Container) -> None:
    answer = ask(container, "write_much", number=30_000_000)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert len(answer.json["much"]) == 30_000_000
    eventually(lambda: not list(container.scratch.glob("*/front-end/*")))


def test_a_killed_worker_is_replaced_and_its_call_run_again(
    container: Container, pool: ThreadPoolExecutor
) -> None:
    call = pool.submit(ask, container, "wait_unless_tried_before", "killed-once")
    killed = begun(container, "killed-once")
    os.kill(killed, signal.SIGKILL)
    answer = call.result()
    assert (answer.status, answer.json["pid"]) == (200, begun(container, "killed-once", 2))
    assert answer.json["pid"] != killed
    assert container.ping() == 200


@pytest.mark.parametrize("do", ["die", "leave"])
def test_a_call_that_kills_two_workers_is_given_up(container: Container, do: str) -> None:
    """`leave` ends them with the exit code of a handler that cannot be loaded."""
    answer = ask(container, do, f"kills-{do}", "ref=killer")
    assert (answer.status, answer.error["code"]) == (500, "handler_died")
    assert answer.error["reference"] == "killer"
    assert len(lines(container.folder / f"run-kills-{do}")) == 2
    assert ask(container, "answer").status == 200


@pytest.mark.parametrize("leaves_the_group", [False, True])
def test_what_a_dead_handler_forked_does_not_hide_its_death(
    container: Container, leaves_the_group: bool
) -> None:
    name = f"leaves-{leaves_the_group}"
    answer = ask(container, "fork_and_die", name, leaves_the_group=leaves_the_group)
    assert (answer.status, answer.error["code"]) == (500, "handler_died")
    forked = lines(container.folder / f"forked-{name}")
    if leaves_the_group:
        for pid in forked:
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in forked))


def test_what_a_handler_forks_ends_as_any_process_does(container: Container) -> None:
    answer = ask(container, "end_a_forked_child")
    assert (answer.status, answer.json["ended_by"]) == (200, -signal.SIGTERM)
    assert ask(container, "answer").status == 200


def test_a_call_that_hangs_is_given_up_at_its_deadline_and_its_worker_replaced(container: Container) -> None:
    before = ask(container, "answer").json["pid"]
    answer = ask(container, "hold_the_gil", "hangs", "deadline_seconds=1;mine=yes", seconds=600)
    assert (answer.status, answer.error["code"], answer.error["retryable"]) == (
        504,
        "deadline_exceeded",
        True,
    )
    after = ask(container, "answer")
    assert (after.status, after.json["pid"] == before) == (200, False)
    assert "hold_the_gil" in container.log, "the log does not say where it hung"


def test_a_process_that_cannot_even_end_itself_is_killed(container: Container) -> None:
    answer = ask(container, "stop_the_process", "stopped", "deadline_seconds=0.5")
    assert (answer.status, answer.error["code"]) == (504, "deadline_exceeded")
    assert ask(container, "answer").status == 200
    assert "overran a deadline and is killed" in container.log


def test_what_nobody_waits_for_any_more_is_never_begun(container: Container) -> None:
    (worker,) = container.pids_of(WORKER)
    os.kill(worker, signal.SIGSTOP)
    late = ask(container, "answer", "too-late", "deadline_seconds=0.3")
    os.kill(worker, signal.SIGCONT)
    assert (late.status, late.error["code"]) == (504, "deadline_exceeded")
    assert ask(container, "answer").json["pid"] == worker
    assert not (container.folder / "run-too-late").exists()


def test_a_caller_that_hangs_up_costs_nobody_else(container: Container, pool: ThreadPoolExecutor) -> None:
    body = json.dumps({"do": "wait", "name": "deserted"}).encode()
    with socket.create_connection(("127.0.0.1", container.port)) as caller:
        caller.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        caller.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        begun(container, "deserted")
    following = pool.submit(ask, container, "answer", "following")
    eventually(lambda: '"code":"caller_gone"' in container.log)
    release(container, "deserted")
    assert following.result().status == 200


def test_the_platforms_health_check_waits_for_the_handler(tmp_path: Path) -> None:
    slow = OBEDIENT.replace(
        "def model_fn(model_dir):", "def model_fn(model_dir):\n    wait({'name': 'load'})"
    )
    with serving(handler_folder(tmp_path, slow)) as container, ThreadPoolExecutor(1) as pool:
        eventually(lambda: container.pids_of(WORKER) and accepts_ping(container))
        early = pool.submit(ask, container, "answer", "early")
        assert container.ping() == 503
        release(container, "load")
        assert early.result().status == 200
        assert container.ping() == 200


def accepts_ping(container: Container) -> bool:
    try:
        return container.ping() > 0
    except OSError:
        return False


def test_as_many_workers_as_asked_for_each_with_its_model(tmp_path: Path) -> None:
    handler_folder(tmp_path, OBEDIENT)
    with (
        serving(tmp_path, SAGEMAKER_MODEL_SERVER_WORKERS="3") as container,
        ThreadPoolExecutor(3) as pool,
    ):
        container.await_warm()
        calls = [pool.submit(ask, container, "wait", f"call-{number}") for number in range(3)]
        pids = {begun(container, f"call-{number}") for number in range(3)}
        for number in range(3):
            release(container, f"call-{number}")
        assert {call.result().json["pid"] for call in calls} == pids
        assert len(pids) == 3
        assert sorted(lines(tmp_path / "loads")) == sorted(pids)
        os.kill(min(pids), signal.SIGKILL)
        eventually(lambda: len(lines(tmp_path / "loads")) == 4)


SEES_GPU = """
import os, time
def model_fn(model_dir): return os.environ.get("CUDA_VISIBLE_DEVICES")
def predict_fn(data, model):
    time.sleep(0.01)
    return {"gpu": model}
"""


def test_each_worker_sees_one_gpu_where_there_are_several(tmp_path: Path) -> None:
    handler_folder(tmp_path, SEES_GPU)
    with (
        serving(tmp_path, QUIRE_DEVICE="auto", CUDA_VISIBLE_DEVICES="4,7") as container,
        ThreadPoolExecutor(8) as pool,
    ):
        container.await_warm()
        eventually(lambda: container.log.count('"event":"handler loaded"') == 2)
        seen = {answer.json["gpu"] for answer in pool.map(lambda _: container.send(b"1"), range(100))}
        assert seen == {"4", "7"}


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (
            "import nothing_of_this_name\ndef model_fn(d): ...\ndef predict_fn(a, b): ...",
            "nothing_of_this_name",
        ),
        ("def model_fn(d): raise OSError('no weights')\ndef predict_fn(a, b): ...", "no weights"),
        ("def model_fn(d): ...\ndef predict_fn(a): ...", "predict_fn"),
    ],
)
def test_a_handler_that_cannot_serve_ends_the_container_with_one_clear_line(
    tmp_path: Path, program: str, says: str
) -> None:
    ended = run_serve(handler_folder(tmp_path, program), "serve")
    assert ended.returncode == 1
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    (line,) = [line for line in told if line["event"] == "the handler cannot be loaded"]
    assert says in line["reason"]
    assert told[-1]["event"] == "the container ends"
    assert "Traceback" not in ended.stdout + ended.stderr


OWN_OUTPUT = """
def output_fn(reading, accept):
    return ",".join(page.text for page in reading.pages), "text/plain"
"""


def test_documents_of_a_handler_that_keeps_our_model_share_batches(tmp_path: Path, page: Path) -> None:
    handler_folder(stub_folder(tmp_path, batch_seconds=0.3), OWN_OUTPUT)
    with (
        serving(tmp_path, QUIRE_RENDER_WORKERS="1", QUIRE_DEVICE_WORKERS="1") as container,
        ThreadPoolExecutor(4) as pool,
    ):
        container.await_warm()
        answers = list(pool.map(lambda number: container.post(page, f"ref=r{number}"), range(8)))
        assert [answer.status for answer in answers] == [200] * 8
        assert {answer.headers["Content-Type"].partition(";")[0] for answer in answers} == {"text/plain"}
        batches = [json.loads(line) for line in container.log.splitlines() if '"event":"batch"' in line]
        assert max(len(set(batch["references"])) for batch in batches) > 1, batches
        assert len(container.pids_of(WORKER)) == 1


OWN_PREDICTION = """
def predict_fn(document, model):
    return model.read(document)
"""


def hang_up_on(container: Container, page: Path) -> socket.socket:
    """A caller whose document is being read."""
    caller = socket.create_connection(("127.0.0.1", container.port))
    caller.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/tiff\r\n")
    body = page.read_bytes()
    caller.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    eventually(lambda: list(container.scratch.glob("*/handlers/pages-*")))
    return caller


def test_a_hang_up_reaches_the_engine_through_the_handler(tmp_path: Path, pages: Path) -> None:
    handler_folder(stub_folder(tmp_path, page_seconds=1.0), OWN_PREDICTION)
    with serving(tmp_path, QUIRE_RENDER_WORKERS="1", QUIRE_DEVICE_WORKERS="1") as container:
        container.await_warm()
        hang_up_on(container, pages).close()
        eventually(lambda: not list(container.scratch.glob("*/handlers/pages-*")))
        eventually(lambda: '"code":"caller_gone"' in container.log)


def test_ping_turns_503_when_a_handler_is_away_too_long_and_200_again(tmp_path: Path) -> None:
    waits = "def model_fn(model_dir):\n    if (BASE / 'loads').exists(): wait({'name': 'load'})"
    slow = OBEDIENT.replace("def model_fn(model_dir):", waits)
    with serving(handler_folder(tmp_path, slow), QUIRE_HEAL_SECONDS="1") as container:
        container.await_warm()
        os.kill(container.pids_of(WORKER)[0], signal.SIGKILL)
        assert container.ping() == 200
        eventually(lambda: container.ping() == 503)
        release(container, "load")
        eventually(lambda: container.ping() == 200)


def test_told_to_stop_it_ends_the_call_in_hand_and_sends_the_waiting_away(tmp_path: Path) -> None:
    with serving(handler_folder(tmp_path, OBEDIENT)) as container, ThreadPoolExecutor(2) as pool:
        container.await_warm()
        inside = pool.submit(ask, container, "wait", "inside")
        begun(container, "inside")
        waiting = pool.submit(ask, container, "wait", "waiting")
        eventually(lambda: len(list(container.scratch.glob("*/front-end/invocation-*/body"))) == 2)
        container.process.terminate()
        assert (waiting.result().status, waiting.result().error["code"]) == (503, "shutting_down")
        assert container.ping() == 503
        release(container, "inside")
        assert inside.result().status == 200
        assert container.ended() == 0
        assert not (container.folder / "run-waiting").exists()


def test_a_worker_that_does_not_drain_is_killed_and_its_caller_told_to_come_again(tmp_path: Path) -> None:
    with (
        serving(handler_folder(tmp_path, OBEDIENT), QUIRE_DRAIN_SECONDS="0") as container,
        ThreadPoolExecutor(1) as pool,
    ):
        container.await_warm()
        inside = pool.submit(ask, container, "hold_the_gil", "stuck", seconds=600)
        begun(container, "stuck")
        container.process.terminate()
        assert (inside.result().status, inside.result().error["code"]) == (503, "shutting_down")
        assert container.ended() == 0


def test_no_worker_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with serving(handler_folder(tmp_path, OBEDIENT)) as container:
        container.await_warm()
        pids = container.pids()
        container.process.kill()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


POISONOUS = """
import os, pathlib, time

BASE = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])

def transform_fn(model, body, content_type, accept):
    name = bytes(body).decode()
    (BASE / ("begun-" + name)).touch()
    if name == "poison":
        while len(list(BASE.glob("begun-*"))) < 4:
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(os.getpid(), 9)
    time.sleep(1.0)
    return name, "text/plain"
"""


def test_a_call_that_kills_its_worker_takes_no_other_with_it(tmp_path: Path) -> None:
    handler_folder(stub_folder(tmp_path), POISONOUS)
    with (
        serving(
            tmp_path,
            QUIRE_MAX_CONCURRENT_INVOCATIONS="4",
            QUIRE_RENDER_WORKERS="1",
            QUIRE_DEVICE_WORKERS="1",
        ) as container,
        ThreadPoolExecutor(4) as pool,
    ):
        container.await_warm()
        names = ("poison", "a", "b", "c")
        calls = [pool.submit(container.send, name.encode(), content_type="text/plain") for name in names]
        poison, *others = [call.result() for call in calls]
        assert [(other.status, other.body) for other in others] == [(200, b"a"), (200, b"b"), (200, b"c")]
        assert (poison.status, poison.error["code"]) == (500, "handler_died")


def ends_with(folder: Path, event: str, **settings: str) -> str:
    """The reason that the container's line of that event gives; it must end by itself with 1."""
    ended = run_serve(folder, "serve", **settings)
    assert ended.returncode == 1
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    (reason,) = [line["reason"] for line in told if line["event"] == event]
    return str(reason)


def test_packages_that_take_too_long_are_one_clear_line(tmp_path: Path) -> None:
    handler_folder(tmp_path, SEES_GPU)
    (tmp_path / "model" / "code" / "requirements.txt").write_text("of-the-tests-nowhere\n")
    with socket.create_server(("127.0.0.1", 0)) as index:  # accepts, and never answers
        reason = ends_with(
            tmp_path,
            "the handler cannot be loaded",
            QUIRE_STARTUP_SECONDS="5",
            PIP_INDEX_URL=f"http://127.0.0.1:{index.getsockname()[1]}/simple",
            PIP_TIMEOUT="60",
            PIP_FIND_LINKS="",
            PIP_CONFIG_FILE="/dev/null",
        )
    assert "requirements.txt: pip took longer than QUIRE_STARTUP_SECONDS allows" in reason


def test_a_model_that_dies_each_time_it_loads_ends_the_container(tmp_path: Path) -> None:
    deadly = "import os\ndef model_fn(d): os.kill(os.getpid(), 9)\ndef predict_fn(a, b): ..."
    reason = ends_with(handler_folder(tmp_path, deadly), "the container ends")
    assert reason == "the handler worker died 3 times before any handler had loaded; last by SIGKILL"


def test_where_one_worker_has_loaded_another_that_cannot_is_tried_again(tmp_path: Path) -> None:
    deadly = OBEDIENT.replace("    return 2\n", "    return 2 if lines() == 1 else os.kill(os.getpid(), 9)\n")
    deadly += "\ndef lines():\n    return len((BASE / 'loads').read_text().split())\n"
    with serving(handler_folder(tmp_path, deadly), SAGEMAKER_MODEL_SERVER_WORKERS="2") as container:
        container.await_warm()
        eventually(lambda: len(lines(tmp_path / "loads")) == 5)
        assert ask(container, "answer").status == 200
