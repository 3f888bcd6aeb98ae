"""The bench and its programs talk in lines; a program that dies says why, and its noise harms nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.line_process import LineProcess, ProgramFailed

ECHO = """
import os
from bench.line_process import answer_lines

def answer(command):
    print("noise of a library")
    os.write(1, b"and of one in C\\n")
    if command == "die":
        raise SystemExit("the disk is full")
    return {"said": command}

answer_lines(lambda: {"is": "up"}, answer)
"""

Started = Callable[[str], LineProcess]


@pytest.fixture
def started(tmp_path: Path, repository: Path) -> Iterator[Started]:
    processes = []

    def start(program: str) -> LineProcess:
        (tmp_path / "program_under_test.py").write_text(program)
        path = f"{repository}:{repository / 'code'}:{tmp_path}"
        process = LineProcess("program_under_test", (), {"PYTHONPATH": path}, tmp_path / "log")
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.close()


def test_answers_come_back_whatever_is_printed_beside(started: Started) -> None:
    process = started(ECHO)
    assert process.await_ready() == {"is": "up"}
    assert [process.ask(word) for word in ("one", "two")] == [{"said": "one"}, {"said": "two"}]


def test_program_that_dies_says_why(started: Started) -> None:
    process = started(ECHO)
    process.await_ready()
    with pytest.raises(ProgramFailed, match="the disk is full"):
        process.ask("die")
    with pytest.raises(ProgramFailed):
        process.ask("anybody there?")


def test_program_that_does_not_start_says_why(started: Started) -> None:
    process = started("raise SystemExit('no such device')")
    with pytest.raises(ProgramFailed, match="no such device"):
        process.await_ready()
