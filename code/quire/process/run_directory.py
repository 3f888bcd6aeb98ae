"""Where this run's private files lie: one directory that only we may enter, gone when we are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from quire.words.errors import SettingsError

MAX_SOCKET_PATH_BYTES = 107
"""sun_path of unix(7), less its final zero."""


@dataclass(frozen=True)
class RunDirectory:
    """The names in it."""

    path: Path

    @property
    def engine_address(self) -> Path:
        return self.path / "engine.sock"

    @property
    def engine_scratch(self) -> Path:
        return self.path / "engine"

    @property
    def front_end_scratch(self) -> Path:
        return self.path / "front-end"

    @property
    def handler_address(self) -> Path:
        return self.path / "handler.sock"

    @property
    def handler_scratch(self) -> Path:
        return self.path / "handlers"


@contextmanager
def run_directory(scratch: Path) -> Iterator[RunDirectory]:
    """Made with mode 0700 under `scratch`. Raises SettingsError where that cannot be."""
    try:
        made = TemporaryDirectory(dir=scratch, prefix="quire-", ignore_cleanup_errors=True)
    except OSError as error:
        raise SettingsError(
            f"the scratch directory {scratch} cannot be written to: {error.strerror}"
        ) from error
    with made as name:
        directory = RunDirectory(Path(name))
        if len(str(directory.handler_address).encode()) > MAX_SOCKET_PATH_BYTES:
            raise SettingsError(f"the scratch directory {scratch} has too long a path for a Unix socket")
        directory.engine_scratch.mkdir()
        directory.front_end_scratch.mkdir()
        directory.handler_scratch.mkdir()
        yield directory
