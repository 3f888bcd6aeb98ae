"""What is launched as an instance's container, and what can be done to it?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class CannotLaunch(Exception):
    """No container was started; the message says why."""


@dataclass(frozen=True)
class LaunchOrder:
    """`model` is a folder to be read only, empty where the model has no data; `folder` is the instance's own,
    there already and removed after it. `on_line` gets what the container prints, from a thread of the
    launcher's. Once it is `cancelled` nobody waits for the container any more."""

    instance_id: str
    image: str
    environment: Mapping[str, str]
    is_network_isolated: bool
    region: str
    model: Path
    folder: Path
    on_line: Callable[[str], None]
    cancelled: threading.Event = field(default_factory=threading.Event)


class Container(Protocol):
    """One that was started. Threads may call at once."""

    @property
    def port(self) -> int:
        """At 127.0.0.1."""
        ...

    @property
    def pid(self) -> int | None:
        """None where the processes are not this machine's to see."""
        ...

    def terminate(self) -> None:
        """SIGTERM to the first process; returns at once, and does nothing to one that has ended."""
        ...

    def kill(self) -> None:
        """SIGKILL to every process of it; returns at once."""
        ...

    def wait(self) -> str:
        """Called once: returns when no process of it is left. How the first one ended, in words
        that go on after "it"."""
        ...


class Launcher(Protocol):
    """What makes a container of an order."""

    def launch(self, order: LaunchOrder) -> Container:
        """Returns once it runs, long before it answers. Raises CannotLaunch."""
        ...
