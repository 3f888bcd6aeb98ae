"""Is the model server of use? Its own /ping says 200 for ever, and it never looks after the process that its
workers are forked from."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from quire.engine.watch import HealthSource
from quire.frontend.mms_place import MmsPlace
from quire.words.json_lines import log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.mms")


@dataclass(frozen=True)
class Trouble:
    """What the server will not recover from. `is_final` where another start will not help either."""

    reason: str
    is_final: bool
    event: str = "the model server is given up"


class MmsHealth:
    """`engine` is None where the handler needs none."""

    def __init__(self, place: MmsPlace, engine: HealthSource | None, settings: Settings) -> None:
        self._place = place
        self._engine = engine
        self._settings = settings
        self._serving_at: float | None = None
        self._since = time.monotonic()

    def trouble(self, now: float) -> Trouble | None:
        if any(_exists(pid) for pid in self._place.loaded_pids()):
            self._serving_at = now
        pid = self._place.nursery_pid()
        if pid is not None and not _exists(pid):
            return Trouble("the process that workers are forked from died", is_final=False)
        return self._refusal() or self._engine_trouble() or self._absence(now)

    def _refusal(self) -> Trouble | None:
        """What loaded once may load again: the server tries."""
        reason = self._place.take_refusal()
        if reason is None:
            return None
        if self._serving_at is None:
            return Trouble(reason, is_final=True, event="the handler cannot be loaded")
        log_line(log, logging.ERROR, "the handler cannot be loaded again now", reason=reason)
        return None

    def _engine_trouble(self) -> Trouble | None:
        if self._engine is None:
            return None
        health = self._engine.health()
        if health.is_healthy or health.is_draining:
            return None
        heal_seconds = self._settings.heal_seconds
        return Trouble(f"{health.reason}, for longer than QUIRE_HEAL_SECONDS={heal_seconds:g}", is_final=True)

    def _absence(self, now: float) -> Trouble | None:
        """Of workers. The server starts them again later and later: after half an hour in the end."""
        if self._serving_at is None:
            seconds, variable = self._settings.startup_seconds, "QUIRE_STARTUP_SECONDS"
        else:
            seconds, variable = self._settings.heal_seconds, "QUIRE_HEAL_SECONDS"
        if now - (self._serving_at or self._since) <= seconds:
            return None
        return Trouble(
            f"no worker has loaded the handler for longer than {variable}={seconds:g}", is_final=True
        )


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
