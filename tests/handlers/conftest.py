"""What the tests of users' handlers share: a process that they leave as it was, and ways to ask a handler."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from quire.handlers.context import InvocationNotes, ModelContext, RequestContext
from quire.handlers.program import find_program
from quire.handlers.spooling import Spool
from quire.handlers.user_handler import HandlerAnswer, UserHandler
from quire.words.settings import Settings
from tests.fakes.handlers_that_users_write import UsersRequest

PATIENCE_SECONDS = 60.0


@pytest.fixture
def process_left_as_it_was() -> Iterator[None]:
    """A handler puts its folder on sys.path, itself into sys.modules, and changes the working directory."""
    path, modules, place = sys.path[:], set(sys.modules), Path.cwd()
    environ = dict(os.environ)
    yield
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environ)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not hasattr(sys.modules[name], "__file__") or _is_users(sys.modules[name].__file__):
            del sys.modules[name]


def _is_users(file: str | None) -> bool:
    return file is not None and f"{os.sep}code{os.sep}" in file and "pytest-of-" in file


class LoadedHandler:
    """A handler of a base dir, in this process."""

    def __init__(self, base: Path, address: Path, environ: Mapping[str, str]) -> None:
        self.settings = Settings.from_environ({"SAGEMAKER_BASE_DIR": str(base), **environ})
        self.scratch = base / "run" / "handler"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.program = find_program(self.settings)
        self.handler = UserHandler.load(self.program, ModelContext(self.settings, address, self.scratch))
        self.notes = InvocationNotes()
        self.deadlines: list[float] = []
        """Those that options named, from when the last request came."""

    def ask(self, asked: UsersRequest) -> HandlerAnswer:
        """Each in a directory of its own. Raises QuireError."""
        directory = self.scratch / f"invocation-{time.monotonic_ns()}"
        directory.mkdir()
        now = time.monotonic()
        self.notes = InvocationNotes(inference_id="id-1", num_bytes=len(asked.body))
        request = RequestContext(
            settings=self.settings,
            directory=directory,
            received_at=now,
            deadline=now + PATIENCE_SECONDS,
            custom_attributes=asked.headers.get("X-Amzn-SageMaker-Custom-Attributes", ""),
            accept=asked.accept,
            headers=asked.all_headers,
            notes=self.notes,
            on_deadline=lambda deadline: self.deadlines.append(deadline - now),
        )
        body = Spool(directory, self.settings.max_body_bytes, 0).write("body", [asked.body])
        return self.handler.answer(body, asked.content_type, request)


Load = Callable[..., LoadedHandler]


@pytest.fixture
def load(process_left_as_it_was: None, tmp_path: Path) -> Load:
    """`load(program_text, address=..., **environ)`: a handler of tmp_path/model/code/inference.py."""

    def loaded(text: str, address: Path | None = None, **environ: str) -> LoadedHandler:
        code = tmp_path / "model" / "code"
        code.mkdir(parents=True, exist_ok=True)
        (code / "inference.py").write_text(text, encoding="utf-8")
        return LoadedHandler(tmp_path, address or tmp_path / "no-engine.sock", environ)

    return loaded
