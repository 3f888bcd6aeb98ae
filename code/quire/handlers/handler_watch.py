"""What the front end knows of the handler workers, and of several sources of health together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from quire.engine.messages import EngineState
from quire.engine.watch import Health, HealthRecord, HealthSource
from quire.handlers.handler_signs import HandlerSigns
from quire.words.json_lines import log_line

log = logging.getLogger("quire.frontend")

_PERIOD_SECONDS = 0.1


class HandlerWatch:
    """One background thread that looks at the workers' signs. The rule is the engine's: a handler must have
    been loaded once; after that, its absence is forgiven for `heal_seconds`."""

    def __init__(self, signs: HandlerSigns, heal_seconds: float) -> None:
        self._signs = signs
        self._record = HealthRecord(heal_seconds)
        self._last: EngineState | None = None
        self._is_blind = False
        self._callbacks: list[Callable[[Health], None]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="handler-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def health(self) -> Health:
        """Takes no lock: the record's fields are replaced whole."""
        return self._record.health(time.monotonic())

    def subscribe(self, callback: Callable[[Health], None]) -> None:
        """Calls back on every change, from the watch's own thread."""
        self._callbacks.append(callback)

    def _run(self) -> None:
        while not self._stopped.wait(_PERIOD_SECONDS):
            state = self._seen()
            if state is None or state == self._last:
                continue
            self._last = state
            self._record.take(state, time.monotonic())
            for callback in self._callbacks:
                callback(self.health())

    def _seen(self) -> EngineState | None:
        """None where the signs cannot be read now, for want of descriptors perhaps: the last is kept."""
        try:
            state = self._look()
        except OSError as error:
            if not self._is_blind:
                log_line(log, logging.ERROR, "the handlers' signs cannot be read", reason=str(error))
            self._is_blind = True
            return None
        self._is_blind = False
        return state

    def _look(self) -> EngineState:
        is_ready, is_draining = self._signs.num_loaded > 0, self._signs.is_stopping
        reason = "" if is_ready else "no handler is loaded"
        return EngineState(is_ready=is_ready, is_draining=is_draining, reason=reason)


class JointHealth:
    """Well when all of its sources are; drains when one does."""

    def __init__(self, *sources: HealthSource) -> None:
        self._sources = sources

    def health(self) -> Health:
        each = [source.health() for source in self._sources]
        return Health(
            is_healthy=all(health.is_healthy for health in each),
            is_ready=all(health.is_ready for health in each),
            is_draining=any(health.is_draining for health in each),
            reason="; ".join(health.reason for health in each if health.reason),
        )

    def subscribe(self, callback: Callable[[Health], None]) -> None:
        for source in self._sources:
            source.subscribe(lambda _: callback(self.health()))
