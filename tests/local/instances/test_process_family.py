"""All of a container's processes end, whatever they are called and whosever they have become."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire_endpoint.local.instances.process_family import ProcessFamily
from tests.fakes.processes import is_alive

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found by way of /proc")

NAMED = """
import ctypes, time
ctypes.CDLL(None).prctl(15, "Ожидание задания".encode(), 0, 0, 0)
print(flush=True)
time.sleep(60)
"""
"""Linux keeps fifteen bytes of it, which end within a character."""

AS_NOBODY = """
import os, sys
from quire_endpoint.local.instances.process_family import ProcessFamily
family = ProcessFamily(int(sys.argv[1]), "i-nobody")
os.setresuid(65534, 65534, 65534)
print(family.extinguish(patience_seconds=0.1))
"""


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[str]]:
    """The first of a session, with a child, whose number it prints."""
    command = "sleep 60 & echo $!; wait"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
        os.killpg(process.pid, 9)


def test_a_neighbour_whose_name_is_no_text_is_no_hindrance(leader: subprocess.Popen[str]) -> None:
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    with subprocess.Popen([sys.executable, "-c", NAMED], stdout=subprocess.PIPE) as neighbour:
        assert neighbour.stdout is not None
        neighbour.stdout.readline()
        try:
            with pytest.raises(UnicodeDecodeError):
                Path(f"/proc/{neighbour.pid}/comm").read_text(encoding="utf-8")
            assert ProcessFamily(leader.pid, "i-named").extinguish() == []
            assert neighbour.poll() is None
        finally:
            neighbour.kill()
    assert not is_alive(child)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_processes_that_cannot_be_ended_are_named(leader: subprocess.Popen[str], repository: Path) -> None:
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    told = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(leader.pid)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert told.stderr == ""
    assert told.stdout == f"[{child}]\n"
    assert is_alive(child)
