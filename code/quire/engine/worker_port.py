"""What the pools know of a worker process: they can send to it and kill it. Events come from outside."""

from __future__ import annotations

from typing import Any, Protocol


class Worker(Protocol):
    """A started process. Both calls are harmless when it is already dead."""

    def send(self, message: Any) -> None: ...

    def kill(self) -> None: ...
