"""Bodies go through files: an eighth of a gigabyte leaves the server as small as it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.own_callers import Callers

MIB = 1024 * 1024
BODY_MIB = 128
LIMIT_MIB = 120
"""At most, ever: the program begins at 55."""


@pytest.fixture
def process(repository: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fakes.bare_url"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=repository) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(timeout=20) == 0


def peak_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc: Linux only")
def test_server_stays_small(process: subprocess.Popen[str], tmp_path: Path) -> None:
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(BODY_MIB * MIB)
    with Callers(url) as callers, source.open("rb") as file:
        s3 = callers("s3")
        s3.create_bucket(Bucket="large")
        s3.put_object(Bucket="large", Key="whole", Body=file)
        s3.upload_file(str(source), "large", "in-parts")
        for key in ("whole", "in-parts"):
            with closing(s3.get_object(Bucket="large", Key=key)["Body"]) as body:
                assert sum(len(block) for block in body.iter_chunks(MIB)) == BODY_MIB * MIB
    assert peak_mib(process.pid) < LIMIT_MIB
