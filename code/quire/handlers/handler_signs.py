"""What handler workers leave in the run directory to be known by: which of them have loaded, and whether the
container stops. Signs are files, since only a process that runs no user's code may be asked anything."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Life:
    """How far a worker came."""

    had_loaded: bool
    had_answered: bool


@dataclass(frozen=True)
class HandlerSigns:
    """Each worker makes its own signs; the supervisor takes a dead one's away, and says when it stops."""

    directory: Path

    def say_loaded(self, pid: int) -> None:
        self._of(pid).touch()

    def say_answered(self, pid: int) -> None:
        """The worker's life was of use: it has ended a call, well or badly. Harmless when said again."""
        with contextlib.suppress(OSError):
            self._of(pid).write_text("answered")

    def say_stopping(self) -> None:
        (self.directory / "handlers.stopping").touch()

    @property
    def is_stopping(self) -> bool:
        return (self.directory / "handlers.stopping").exists()

    @property
    def num_loaded(self) -> int:
        return sum(1 for _ in self.directory.glob("handler-*.ready"))

    def bury(self, pid: int) -> Life:
        """Takes the sign of a worker that is dead away."""
        sign = self._of(pid)
        try:
            num_bytes = sign.stat().st_size
            sign.unlink()
        except FileNotFoundError:
            return Life(had_loaded=False, had_answered=False)
        return Life(had_loaded=True, had_answered=num_bytes > 0)

    def _of(self, pid: int) -> Path:
        return self.directory / f"handler-{pid}.ready"
