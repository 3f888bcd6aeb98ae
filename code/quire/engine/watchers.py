"""Those who want to know the engine's state: each hears it once at first, and then every change."""

from __future__ import annotations

from typing import Any, Protocol

from quire.engine.messages import EngineState


class Client(Protocol):
    """Who is connected to the engine. Sending to one that is gone is harmless."""

    def send(self, message: Any) -> None: ...


def engine_state(is_ready: bool, lost_reason: str, is_draining: bool) -> EngineState:
    reason = "" if is_ready else lost_reason or "no device worker is ready"
    if is_draining:
        reason = "the container is stopping"
    return EngineState(is_ready=is_ready, is_draining=is_draining, reason=reason)


class Watchers:
    """The state is told when it differs from what was told last."""

    def __init__(self) -> None:
        self._watchers: list[Client] = []
        self._told: EngineState | None = None

    def join(self, client: Client, state: EngineState) -> None:
        """Who asks again is told again."""
        if client not in self._watchers:
            self._watchers.append(client)
        client.send(state)

    def leave(self, client: Client) -> None:
        self._watchers = [watcher for watcher in self._watchers if watcher is not client]

    def tell(self, state: EngineState) -> None:
        if state != self._told:
            self._told = state
            for watcher in self._watchers:
                watcher.send(state)
