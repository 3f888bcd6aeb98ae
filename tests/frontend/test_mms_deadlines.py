"""How long may a call last under multi-model-server? To the latest of the deadlines that its options name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).parents[2] / "code"

PROGRAM = """
import sys, time
from pathlib import Path
from quire.frontend.mms_invocations import LoadedHandler, MmsInvocations
from quire.handlers import call_deadlines
from quire.handlers.user_handler import HandlerAnswer
from quire.words.request import ReadOptions
from quire.words.settings import Settings

call_deadlines.OVERRUN_SECONDS = 0.1

class Reads:
    def answer(self, body, content_type, context):
        for seconds in sys.argv[2:]:
            context.with_options(ReadOptions(deadline_seconds=float(seconds)))
        time.sleep(0.6)
        return HandlerAnswer(b"answered", "text/plain")

settings = Settings.from_environ({"QUIRE_MIN_FREE_DISK_BYTES": "0"})
invocations = MmsInvocations(settings, LoadedHandler(Reads(), needs_engine=False), Path(sys.argv[1]))
header = {"X-Amzn-SageMaker-Custom-Attributes": "deadline_seconds=0.1"}
print(invocations.answer(bytearray(b"x"), header if "60" in sys.argv else {}).body)
"""


def run(scratch: Path, *deadlines: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(CODE)}
    command = [sys.executable, "-c", PROGRAM, str(scratch), *deadlines]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("deadlines", [("0.1",), ("900", "0.1"), ("60", "0.1")])
def test_an_earlier_deadline_of_one_read_ends_nothing_else(
    tmp_path: Path, deadlines: tuple[str, ...]
) -> None:
    done = run(tmp_path, *deadlines)
    assert (done.returncode, done.stderr) == (0, "")
    assert "answered" in done.stdout
