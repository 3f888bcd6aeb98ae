"""A process that holds the GIL past its deadline ends itself; one that ends its calls lives on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).parents[2] / "code"

PROGRAM = """
import ctypes, time
from quire.handlers import call_deadlines
call_deadlines.OVERRUN_SECONDS = 0.1
deadlines = call_deadlines.CallDeadlines()

def hold():
    ctypes.PyDLL(None).sleep(600)

"""

IN_TIME = """
for number in range(50):
    with deadlines.held(number, time.monotonic() + 0.1):
        pass
with deadlines.held(1, time.monotonic() + 0.1):
    with deadlines.held(2, time.monotonic() + 600):
        pass
    deadlines.move(1, time.monotonic() + 600)
    time.sleep(0.5)
deadlines.move(1, time.monotonic() + 0.1)
time.sleep(0.5)
"""

TOO_LATE = """
with deadlines.held(1, time.monotonic() + 600), deadlines.held(2, time.monotonic() + 0.1):
    hold()
"""

STILL_THERE = """
with deadlines.held(1, time.monotonic() + 0.1):
    with deadlines.held(2, time.monotonic() + 600):
        pass
    hold()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(CODE)}
    command = [sys.executable, "-c", PROGRAM + program]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_calls_that_end_in_time_cost_nothing() -> None:
    done = run(IN_TIME)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", [TOO_LATE, STILL_THERE])
def test_the_first_that_is_late_ends_the_process_and_says_where_it_was(program: str) -> None:
    done = run(program)
    assert done.returncode == 1
    assert "in hold" in done.stderr
