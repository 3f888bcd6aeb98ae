"""How does the bench talk with a program of its own? Both say one JSON value a line: the program first
that it is ready, then an answer to each command. It ends when its input does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_LAST_WORDS = 2000
_END_SECONDS = 20.0


class ProgramFailed(Exception):
    """The program ended before it answered; the message holds what it wrote last."""


class LineProcess:
    """`python -m <module> <arguments>`, started. What it writes to stderr goes to the file `log`."""

    def __init__(self, module: str, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._module = module
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **environ},
            )
        self._ready: Any = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def await_ready(self) -> Any:
        """What it said when it was ready. Raises ProgramFailed."""
        if self._ready is None:
            self._ready = self.hear()
        return self._ready

    def ask(self, command: Any) -> Any:
        self.tell(command)
        return self.hear()

    def tell(self, command: Any) -> None:
        if self._process.stdin is None:
            raise RuntimeError("the program has no input: this is a bug")
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failed() from error

    def hear(self) -> Any:
        if self._process.stdout is None:
            raise RuntimeError("the program has no output: this is a bug")
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        return json.loads(line)

    def close(self) -> None:
        """Ends its input and waits for it."""
        try:
            self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        except BrokenPipeError:
            self._process.wait()

    def _failed(self) -> ProgramFailed:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)  # its last words come after its output has ended
        said = self.log.read_text(errors="replace")[-_LAST_WORDS:].strip()
        return ProgramFailed(f"{self._module} ended: {said or 'it said nothing'}")


def answer_lines(ready: Callable[[], Any], answer: Callable[[Any], Any]) -> None:
    """The program's side. `ready` is called, and what it gives is told. Whatever libraries print goes to
    stderr."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        _say(out, ready())
        for line in sys.stdin:
            _say(out, answer(json.loads(line)))


def _say(out: Any, value: Any) -> None:
    out.write(json.dumps(value) + "\n")
    out.flush()
