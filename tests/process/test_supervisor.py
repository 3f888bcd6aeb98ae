"""A real supervisor with real, small children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.processes import is_alive
from tests.fakes.running_front_end import PATIENCE_SECONDS, ROOT, eventually

SUPERVISE = (sys.executable, "-m", "tests.fakes.children")


@dataclass(frozen=True)
class Supervised:
    """A running supervisor and the diaries of its children."""

    process: subprocess.Popen[bytes]
    directory: Path

    def lives(self, name: str) -> list[list[int]]:
        """Of each life: its pid, how many signals it found blocked, its process group."""
        diary = self.directory / f"{name}.lives"
        lines = diary.read_text().splitlines() if diary.exists() else []
        return [[int(word) for word in line.split()] for line in lines]

    def await_lives(self, name: str, count: int) -> int:
        """The pid of the life with that number."""
        eventually(lambda: len(self.lives(name)) >= count)
        return self.lives(name)[count - 1][0]

    def ended(self) -> tuple[int, str]:
        """Its exit code and what it logged."""
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, output.decode()


@contextmanager
def supervised(
    directory: Path, engine: str = "obey", front_end: str = "obey", prefix: tuple[str, ...] = ()
) -> Iterator[Supervised]:
    (directory / "engine.behaviour").write_text(engine)
    (directory / "front-end.behaviour").write_text(front_end)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "code")))}
    process = subprocess.Popen(
        (*prefix, *SUPERVISE, str(directory)),
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Supervised(process, directory)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_told_to_stop_it_ends_both_and_exits_0(tmp_path: Path, stop: signal.Signals) -> None:
    with supervised(tmp_path) as running:
        pids = [running.await_lives(name, 1) for name in ("engine", "front-end")]
        running.process.send_signal(stop)
        exit_code, log = running.ended()
        assert exit_code == 0
        assert not any(is_alive(pid) for pid in pids)
        assert log.index("SIGTERM to the engine") < log.index("SIGTERM to the front end")


def test_children_that_ignore_sigterm_are_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, engine="ignore", front_end="ignore") as running:
        pids = [running.await_lives(name, 1) for name in ("engine", "front-end")]
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGTERM)
        assert running.ended()[0] == 0
        assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("name", ["engine", "front-end"])
def test_a_killed_child_is_started_again(tmp_path: Path, name: str) -> None:
    with supervised(tmp_path) as running:
        os.kill(running.await_lives(name, 1), signal.SIGKILL)
        os.kill(running.await_lives(name, 2), signal.SIGKILL)
        running.await_lives(name, 3)
        running.process.terminate()
        assert running.ended()[0] == 0


def test_a_child_that_cannot_start_ends_the_container_with_1_and_a_reason(tmp_path: Path) -> None:
    with supervised(tmp_path, engine="exit:70") as running:
        exit_code, log = running.ended()
        assert exit_code == 1
        assert len(running.lives("engine")) == 1
        assert "the engine gave up (exit code 70)" in log.splitlines()[-1]


def test_children_find_no_signal_blocked_and_a_group_of_their_own(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        for name in ("engine", "front-end"):
            pid = running.await_lives(name, 1)
            assert running.lives(name) == [[pid, 0, pid]]


def test_orphans_are_reaped(tmp_path: Path) -> None:
    with supervised(tmp_path, engine="orphan") as running:
        eventually(lambda: (tmp_path / "orphan").exists() and (tmp_path / "orphan").read_text())
        orphan = int((tmp_path / "orphan").read_text())
        eventually(lambda: not Path(f"/proc/{orphan}").exists())
        running.process.terminate()
        exit_code, log = running.ended()
        assert exit_code == 0
        assert f'"orphan":{orphan}' in log


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        pids = [running.await_lives(name, 1) for name in ("engine", "front-end")]
        running.process.kill()
        eventually(lambda: not any(is_alive(pid) for pid in pids))


def test_it_is_pid_1_of_a_namespace(tmp_path: Path) -> None:
    """PID 1 loses every signal that it neither handles nor blocks."""
    unshare = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if subprocess.run((*unshare, "true"), capture_output=True, check=False).returncode != 0:
        pytest.skip("no PID namespace can be made here: run the tests as root")
    with supervised(tmp_path, engine="orphan", prefix=unshare) as running:
        running.await_lives("front-end", 1)
        eventually(lambda: (tmp_path / "orphan").exists())
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGTERM)
        exit_code, log = running.ended()
        assert exit_code == 0
        assert '"pid":1,' in log
