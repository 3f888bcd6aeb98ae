"""A program stands for a container: what it gets, what it does not, and that nothing of it stays."""

from __future__ import annotations

import fcntl
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.instances.container import CannotLaunch, LaunchOrder
from quire_endpoint.local.instances.printed_lines import PrintedLines
from quire_endpoint.local.instances.process_family import MARK
from quire_endpoint.local.instances.process_launcher import ProcessContainer, ProcessLauncher, cause_of
from tests.fakes.processes import is_alive
from tests.fakes.running_fleet import STUB, WAIT_SECONDS, fleet_of, invoke, spec_of

URL = "http://127.0.0.1:9"


def order_of(folder: Path, lines: list[str], **environment: str) -> LaunchOrder:
    (folder / "model").mkdir(parents=True)
    return LaunchOrder(
        instance_id="i-0123456789abcdef0",
        image="image",
        environment=environment,
        is_network_isolated=False,
        region="eu-west-1",
        model=folder / "model",
        folder=folder,
        on_line=lines.append,
    )


def ended(program: Path, folder: Path, **environment: str) -> tuple[str, list[str]]:
    """Of a program that ends by itself."""
    lines: list[str] = []
    container = ProcessLauncher([str(program)], {}).launch(order_of(folder, lines, **environment))
    return container.wait(), lines


def marked(instance_id: str) -> list[int]:
    """Those alive that were started for the instance, by the mark that all of them inherit."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal() and is_alive(int(place.name)):
            try:
                environment = (place / "environ").read_bytes()
            except OSError:
                continue
            if f"{MARK}={instance_id}".encode() in environment.split(b"\0"):
                found.append(int(place.name))
    return found


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a container sees, of an endpoint whose user has an account and settings of his own."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the user's")
    monkeypatch.setenv("QUIRE_DEVICE", "cuda")
    return asked(tmp_path, is_network_isolated=False)


def asked(tmp_path: Path, is_network_isolated: bool) -> dict[str, Any]:
    spec = spec_of({"MY_SETTING": "7"}, is_network_isolated=is_network_isolated)
    with fleet_of(tmp_path, spec) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        answer: dict[str, Any] = invoke(instance.port, answer="report")
        return answer


def test_it_gets_what_a_container_gets(report: dict[str, Any], tmp_path: Path) -> None:
    environment = report["environment"]
    assert report["arguments"] == ["serve"]
    assert environment["MY_SETTING"] == "7"
    assert environment["QUIRE_BIND_HOST"] == "127.0.0.1"
    assert environment["PATH"] == os.environ["PATH"]
    base = Path(environment["SAGEMAKER_BASE_DIR"])
    assert base.is_relative_to(tmp_path)
    assert base.parts[-2:] == ("opt", "ml")
    assert not Path(environment["TMPDIR"]).exists(), "its own, and gone with it"
    assert len(environment["TMPDIR"]) < 60, "Unix sockets are made in it"
    assert report["folder"] == str(STUB.parent)


def test_it_gets_the_local_endpoints_credentials_and_not_the_users(report: dict[str, Any]) -> None:
    environment = report["environment"]
    assert environment["AWS_ENDPOINT_URL"] == URL
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "local"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "QUIRE_DEVICE"} & environment.keys()


def test_network_isolation_takes_them_away(tmp_path: Path) -> None:
    environment = asked(tmp_path, is_network_isolated=True)["environment"]
    assert not {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & environment.keys()
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="who escaped is found by way of /proc")
def test_nothing_is_left_of_one_that_ends_though_a_child_escaped(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"STUB_CHILD": "orphan"})) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        running.await_that(lambda: len({os.getsid(pid) for pid in marked(instance.instance_id)}) == 2)
        running.fleet.set_desired_count(0)
        running.await_that(lambda: running.listener.causes)
        assert running.listener.causes[instance.instance_id] == "ended with exit status 0"
        assert not marked(instance.instance_id)


@contextmanager
def launched(folder: Path, **environment: str) -> Iterator[tuple[ProcessContainer, list[str]]]:
    lines: list[str] = []
    container = ProcessLauncher([str(STUB)], {}).launch(order_of(folder, lines, **environment))
    try:
        yield container, lines
    finally:
        container.kill()
        container.wait()


def test_one_that_ignores_sigterm_needs_sigkill(tmp_path: Path) -> None:
    lines: list[str] = []
    order = order_of(tmp_path, lines, STUB_TERM="ignore")
    container = ProcessLauncher([str(STUB)], {}).launch(order)
    try:
        while "stub container starts" not in lines:
            assert container.pid is not None
            assert is_alive(container.pid)
        container.terminate()
    finally:
        container.kill()
    assert container.wait() == "ended by SIGKILL"
    container.terminate()
    container.kill()  # of one that has ended: nothing


def test_everything_it_prints_comes_line_by_line(tmp_path: Path) -> None:
    program = tmp_path / "print.py"
    program.write_text(
        "import os, sys\n"
        "print('one'); print('two', file=sys.stderr, flush=True)\n"
        "os.write(1, b'\\xff\\r\\n\\n' + b'x' * 300_000 + b'\\nlast')\n"
        "sys.exit(4)\n"
    )
    cause, lines = ended(program, tmp_path / "instance", PYTHONUNBUFFERED="1")
    assert cause == "ended with exit status 4"
    assert lines[:4] == ["one", "two", "�", ""]
    assert [len(line) for line in lines[4:]] == [262_144, 37_856, 4]


def test_a_line_without_an_end_comes_in_parts() -> None:
    lines: list[str] = []
    source, sink = os.pipe()
    printed = PrintedLines(source, lines.append, "a line without an end")
    for _ in range(10):
        os.write(sink, b"x" * 50_000)
    until = time.monotonic() + WAIT_SECONDS
    while not lines:
        assert time.monotonic() < until
    printed.finish()
    assert sum(len(line) for line in lines) == 500_000
    os.close(source)
    os.close(sink)


@pytest.fixture
def high_descriptor() -> Iterator[int]:
    """As many clients' connections make them: beyond the 1,024 that select() knows."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2048), limits[1]))
    yield 1500
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_lines_come_through_any_descriptor(high_descriptor: int) -> None:
    lines: list[str] = []
    source, sink = os.pipe()
    high = fcntl.fcntl(source, fcntl.F_DUPFD, high_descriptor)
    printed = PrintedLines(high, lines.append, "lines through a high descriptor")
    os.write(sink, b"one\ntwo")
    os.close(sink)
    printed.finish()
    assert lines == ["one", "two"]
    os.close(source)
    os.close(high)


def test_a_line_comes_when_it_is_printed(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of()) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        invoke(instance.port, says="page 1 of 3")
        running.await_that(lambda: "page 1 of 3" in running.lines(instance.instance_id))


def test_any_executable_will_do(tmp_path: Path) -> None:
    program = tmp_path / "serve"
    program.write_text('#!/bin/sh\necho "$0 $1 in $PWD"\n')
    program.chmod(0o755)
    assert ended(program, tmp_path / "instance")[1] == [f"{program} serve in {tmp_path}"]


def test_a_command_may_have_arguments_of_its_own(tmp_path: Path) -> None:
    lines: list[str] = []
    launcher = ProcessLauncher([sys.executable, "-c", "import sys; print(sys.argv)"], {})
    container = launcher.launch(order_of(tmp_path, lines))
    assert container.wait() == "ended with exit status 0"
    assert lines == ["['-c', 'serve']"]


@pytest.mark.parametrize("program", ["nowhere/serve", "no-such-program"])
def test_one_that_cannot_be_started_fails_the_deployment(tmp_path: Path, program: str) -> None:
    with pytest.raises(CannotLaunch, match="No such file"):
        ProcessLauncher([program], {}).launch(order_of(tmp_path / "instance", []))
    with fleet_of(tmp_path, spec_of(), ProcessLauncher([program], {})) as running:
        running.fleet.set_desired_count(1)
        assert "could not be started: [Errno 2]" in running.failure()


def test_a_system_without_waitid_is_told_so_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "waitid")
    with pytest.raises(OSError, match=r"on Linux alone.*--image-engine docker"):
        ProcessLauncher([str(STUB)], {})


def test_causes_are_words() -> None:
    assert cause_of(3) == "ended with exit status 3"
    assert cause_of(-9) == "ended by SIGKILL"
    assert cause_of(-250) == "ended by signal 250"
