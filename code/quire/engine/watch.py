"""What the front end knows of the engine: is it ready, does it stop, and for how long it has been away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quire.engine.channel import Channel, PeerGone, readable
from quire.engine.messages import EngineState, FromEngine, ToEngine, Watch

_RECONNECT_SECONDS = 0.2

HEARTBEAT_SECONDS = 5.0
"""An engine that said nothing for so long is asked; one that still says nothing for as long is away."""


@dataclass(frozen=True)
class Health:
    """`is_healthy` is what /ping answers. `reason` is empty when all is well."""

    is_healthy: bool
    is_ready: bool
    is_draining: bool
    reason: str


class HealthSource(Protocol):
    """Whoever knows the engine's health."""

    def health(self) -> Health: ...

    def subscribe(self, callback: Callable[[Health], None]) -> None:
        """Calls back on every change."""


class HealthRecord:
    """The rule: unhealthy until warm for the first time; after that, an engine that is away is
    forgiven for `heal_seconds`; one that is draining never is. Time is passed in."""

    def __init__(self, heal_seconds: float) -> None:
        self._heal_seconds = heal_seconds
        self._state = EngineState(is_ready=False, is_draining=False, reason="the engine is starting")
        self._was_ready = False
        self._away_since: float | None = None

    def take(self, state: EngineState, now: float) -> None:
        if state.is_ready:
            self._was_ready, self._away_since = True, None
        elif self._away_since is None:
            self._away_since = now
        self._state = state

    def lost(self, now: float) -> None:
        """The engine is gone. One that was draining has drained."""
        draining = self._state.is_draining
        reason = "the engine is gone, or does not answer"
        self.take(EngineState(is_ready=False, is_draining=draining, reason=reason), now)

    def health(self, now: float) -> Health:
        is_forgiven = self._away_since is None or now - self._away_since < self._heal_seconds
        return Health(
            is_healthy=self._was_ready and is_forgiven and not self._state.is_draining,
            is_ready=self._state.is_ready,
            is_draining=self._state.is_draining,
            reason=self._state.reason,
        )


class EngineWatch:
    """One background thread that holds a connection to the engine, and makes a new one when it ends."""

    def __init__(
        self, address: Path, heal_seconds: float, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self._address = address
        self._heartbeat_seconds = heartbeat_seconds
        self._record = HealthRecord(heal_seconds)
        self._callbacks: list[Callable[[Health], None]] = []
        self._stopped, self._stop_end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="engine-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop_end.close()
        self._thread.join()
        self._stopped.close()

    def health(self) -> Health:
        """Takes no lock: the record's fields are replaced whole."""
        return self._record.health(time.monotonic())

    def subscribe(self, callback: Callable[[Health], None]) -> None:
        """Calls back on every change, from the watch's own thread."""
        self._callbacks.append(callback)

    def _run(self) -> None:
        while True:
            try:
                engine: Channel[ToEngine, FromEngine] = Channel.connect(self._address, FromEngine)
            except PeerGone:
                if readable([self._stopped], _RECONNECT_SECONDS):
                    return
                continue
            if not self._follow(engine):
                return

    def _follow(self, engine: Channel[ToEngine, FromEngine]) -> bool:
        """Takes the engine's states until it is gone (True) or the watch is stopped (False)."""
        try:
            engine.send(Watch())
            is_asked = True
            while self._stopped not in (ready := readable([engine, self._stopped], self._heartbeat_seconds)):
                if ready:
                    self._take(engine.receive())
                    is_asked = False
                elif is_asked:
                    self._lose()
                else:
                    engine.send(Watch())
                    is_asked = True
        except PeerGone:
            self._lose()
            return True
        finally:
            engine.close()
        return False

    def _take(self, state: FromEngine) -> None:
        if isinstance(state, EngineState):
            self._record.take(state, time.monotonic())
            self._tell()

    def _lose(self) -> None:
        self._record.lost(time.monotonic())
        self._tell()

    def _tell(self) -> None:
        health = self.health()
        for callback in self._callbacks:
            callback(health)
