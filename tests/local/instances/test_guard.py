"""Containers do not outlive a local endpoint that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quire_endpoint.local.instances.guard import Guard
from tests.fakes.processes import is_alive
from tests.fakes.running_fleet import STUB, WAIT_SECONDS

LAUNCH = """
import sys, time
from pathlib import Path
from quire_endpoint.local.instances.container import LaunchOrder
from quire_endpoint.local.instances.process_launcher import ProcessLauncher

program, folder = sys.argv[1:]
order = LaunchOrder("i-0", "image", {"STUB_CHILD": "orphan"}, False, "eu-west-1", Path(folder), Path(folder),
                    lambda line: print(container.pid, scratch, flush=True))
launcher = ProcessLauncher([program], {})
container = launcher.launch(order)
scratch = container._scratch
time.sleep(60)
"""


def until(claim: object) -> None:
    assert callable(claim)
    deadline = time.monotonic() + WAIT_SECONDS
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found by way of /proc")
def test_a_kill_of_the_launcher_ends_its_containers(tmp_path: Path, repository: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(STUB), str(tmp_path)],
        cwd=repository,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    with launcher:
        pid, scratch = launcher.stdout.readline().split()
        assert is_alive(int(pid))
        assert Path(scratch).is_dir()
        launcher.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(int(pid)))
    until(lambda: not Path(scratch).exists())


def test_an_engines_containers_are_removed_by_it(tmp_path: Path) -> None:
    engine, told = tmp_path / "engine", tmp_path / "told"
    engine.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    engine.chmod(0o755)
    guard = Guard()
    guard.watch("container", str(engine), "quire-i-1")
    guard.watch("container", str(engine), "quire-i-2")
    guard.forget("container", str(engine), "quire-i-1")
    process = guard._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as it is when this process dies
    assert process.wait(WAIT_SECONDS) == 0
    assert told.read_text() == "rm --force quire-i-2\n"


def test_it_runs_only_while_something_does(tmp_path: Path) -> None:
    guard = Guard()
    guard.watch("process", "i-1", str(tmp_path))
    process = guard._process
    assert process is not None
    assert os.getsid(process.pid) == process.pid, "Ctrl-C does not reach it"
    guard.forget("process", "i-1", str(tmp_path))
    assert process.returncode == 0
    assert tmp_path.is_dir()
    guard.watch("process", "i-2", str(tmp_path))
    guard.forget("process", "i-2", str(tmp_path))


def test_one_that_has_died_is_followed_by_one_that_knows_as_much(tmp_path: Path) -> None:
    engine, told = tmp_path / "engine", tmp_path / "told"
    engine.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    engine.chmod(0o755)
    guard = Guard()
    guard.watch("container", str(engine), "quire-i-1")
    died = guard._process
    assert died is not None
    os.kill(died.pid, signal.SIGKILL)
    until(lambda: not is_alive(died.pid))
    guard.watch("container", str(tmp_path / "no-engine"), "quire-i-2")
    guard.watch("container", str(engine), "quire-i-3")
    follower = guard._process
    assert follower is not None
    assert follower.stdin is not None
    follower.stdin.close()
    assert follower.wait(WAIT_SECONDS) == 0
    removed = told.read_text().splitlines()
    assert sorted(removed) == ["rm --force quire-i-1", "rm --force quire-i-3"], "whatever fails between them"


def test_one_that_has_died_is_not_missed_by_what_ends(tmp_path: Path) -> None:
    guard = Guard()
    for name in ("i-1", "i-2"):
        guard.watch("process", name, str(tmp_path))
    died = guard._process
    assert died is not None
    os.kill(died.pid, signal.SIGKILL)
    until(lambda: not is_alive(died.pid))
    guard.forget("process", "i-1", str(tmp_path))
    guard.forget("process", "i-2", str(tmp_path))
    assert guard._process is None


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    guard = Guard(end_seconds=0.1)
    guard.watch("process", "i-1", str(tmp_path))
    process = guard._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    guard.forget("process", "i-1", str(tmp_path))
    assert process.returncode == -signal.SIGKILL
