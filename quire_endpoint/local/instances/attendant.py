"""Who does for one instance what takes time: fetching its model, launching it, asking it, seeing its end?"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.instances.container import CannotLaunch, Container, Launcher, LaunchOrder
from quire_endpoint.local.instances.health import advised_concurrency, concurrency_warning, ping
from quire_endpoint.local.instances.life import Act
from quire_endpoint.local.instances.model_data import Cancelled, ModelData, NoModelData
from quire_endpoint.local.instances.model_files import remove
from quire_endpoint.local.specs import EndpointSpec

_STARTING_PING_SECONDS = 0.25
"""Between pings until the first success, and the shortest time between any two: real seconds."""

_LAST_LINES = 20


@dataclass(frozen=True)
class ModelReady:
    """The model lies in its folder."""


@dataclass(frozen=True)
class Launched:
    """The container runs."""

    port: int
    pid: int | None


@dataclass(frozen=True)
class Pinged:
    """`failure` is None where /ping answered 200 in time."""

    failure: str | None


@dataclass(frozen=True)
class Warned:
    """Something about the container that its user should know."""

    text: str


@dataclass(frozen=True)
class Ended:
    """No process is left. `cause` goes on after "it"; `lines` are the last that it printed."""

    cause: str
    lines: tuple[str, ...] = ()
    has_model: bool = True
    """Where not, the cause is a whole failure reason."""


Event = ModelReady | Launched | Pinged | Warned | Ended


@dataclass(frozen=True)
class Surroundings:
    """What the instances of a fleet have in common. `folder` is the fleet's own."""

    spec: EndpointSpec
    launcher: Launcher
    model_data: ModelData
    folder: Path
    clock: Clock
    ping_interval_seconds: float
    concurrency: int
    write_line: Callable[[str, str], None]
    """Of an instance's id and a line."""


class Attendant:
    """Calls `tell` from its own threads. Its methods return at once."""

    def __init__(
        self, instance_id: str, surroundings: Surroundings, tell: Callable[[str, Event], None]
    ) -> None:
        self._instance_id, self._around = instance_id, surroundings
        self._tell_of = tell
        self._cancelled, self._over = threading.Event(), threading.Event()
        self._container: Container | None = None
        self._is_killed = False
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._threads: list[threading.Thread] = []

    def do(self, act: Act) -> None:
        """What a life asks for, other than telling and claiming."""
        match act:
            case Act.PREPARE:
                self._start("container", self._run)
            case Act.PING:
                self._start("pings", self._ask)
            case Act.CANCEL:
                self._cancelled.set()
            case Act.TERMINATE if self._container is not None:
                self._container.terminate()
            case Act.KILL:
                self.kill()

    def kill(self) -> None:
        """Whatever it is doing, it ends soon."""
        self._cancelled.set()
        self._is_killed = True
        if self._container is not None:
            self._container.kill()

    def is_over(self) -> bool:
        """Whether no thread of it is left."""
        return not any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        """Once it has ended."""
        for thread in self._threads:
            thread.join()

    def _start(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=f"{self._instance_id} {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _tell(self, event: Event) -> None:
        self._tell_of(self._instance_id, event)

    def _run(self) -> None:
        folder = self._around.folder / self._instance_id
        try:
            ended = self._lived(folder)
        finally:
            self._over.set()
            remove(folder)
        self._tell(ended)

    def _lived(self, folder: Path) -> Ended:
        try:
            model = self._around.model_data.fetch(self._cancelled)
        except Cancelled:
            return Ended("was stopped before it started")
        except (NoModelData, OSError) as error:
            return Ended(str(error), has_model=False)
        self._tell(ModelReady())
        try:
            folder.mkdir(parents=True)
            self._container = self._around.launcher.launch(self._order(model, folder))
        except (CannotLaunch, OSError) as error:
            if self._cancelled.is_set():
                return Ended("was stopped before it started")
            return Ended(f"could not be started: {error}")
        if self._is_killed:
            self._container.kill()
        self._tell(Launched(self._container.port, self._container.pid))
        cause = self._container.wait()
        return Ended(cause, tuple(self._lines))

    def _order(self, model: Path, folder: Path) -> LaunchOrder:
        spec = self._around.spec.variant.model
        return LaunchOrder(
            instance_id=self._instance_id,
            image=spec.image,
            environment=spec.environment,
            is_network_isolated=spec.is_network_isolated,
            region=self._around.spec.region,
            model=model,
            folder=folder,
            on_line=self._heard,
            cancelled=self._cancelled,
        )

    def _heard(self, line: str) -> None:
        self._lines.append(line)
        self._around.write_line(self._instance_id, line)

    def _ask(self) -> None:
        container = self._container
        if container is None:
            raise AssertionError("pings begin when the container runs")
        is_started = False
        while not self._over.is_set():
            failure = ping(container.port)
            self._tell(Pinged(failure))
            if failure is None and not is_started:
                is_started = True
                self._compare_concurrency(container.port)
            self._over.wait(self._pause_seconds() if is_started else _STARTING_PING_SECONDS)

    def _pause_seconds(self) -> float:
        return max(
            _STARTING_PING_SECONDS, self._around.clock.wall_seconds(self._around.ping_interval_seconds)
        )

    def _compare_concurrency(self, port: int) -> None:
        warning = concurrency_warning(advised_concurrency(port), self._around.concurrency)
        if warning is not None:
            self._around.write_line(self._instance_id, f"[quire local] {warning}")
            self._tell(Warned(warning))
