"""What is the local endpoint made of, and in which order do its parts start and stop?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from quire_endpoint.container_home import container_home
from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control.app import SageMakerApplication
from quire_endpoint.local.door import Door
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.host.host import Host
from quire_endpoint.local.instances.engine_launcher import EngineLauncher
from quire_endpoint.local.instances.fleet import InstanceFleet
from quire_endpoint.local.instances.premises import Premises
from quire_endpoint.local.instances.process_launcher import ProcessLauncher
from quire_endpoint.local.journal import Journal
from quire_endpoint.local.obituaries import Obituaries
from quire_endpoint.local.own_folder import own_folder
from quire_endpoint.local.page.app import PageApplication
from quire_endpoint.local.page.seen import Seen
from quire_endpoint.local.ports import Fleet, FleetListener
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.s3.app import S3Application
from quire_endpoint.local.s3.events import S3Events
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.scaling.activities_app import ScalingActivities
from quire_endpoint.local.scaling.log_events import LogEvents
from quire_endpoint.local.scaling.logs import FileLogs
from quire_endpoint.local.scaling.metrics import CloudWatchMetrics
from quire_endpoint.local.scaling.scaler import Scaler
from quire_endpoint.local.specs import EndpointSpec
from quire_endpoint.local.switches import Switches
from quire_endpoint.local.url.moto_app import MotoApplication, moto_application
from quire_endpoint.local.url.router import Router
from quire_endpoint.local.url.server import Server
from quire_endpoint.local.url.topics import SnsTopics


@dataclass(frozen=True)
class LocalSettings:
    """`serve` is the command that stands for any image, `serve` being added to it as SageMaker does; empty is
    the checkout's own. With `engine`, docker or podman, the model's image is run instead. `port` 0 is a free
    one. Everything is kept beneath `folder`, of which one runs at a time."""

    folder: Path
    port: int = 0
    serve: tuple[str, ...] = ()
    engine: str | None = None
    speed: float = 1.0
    provision_seconds: float = 0.0
    switches: Switches = field(default_factory=Switches)
    fault_seed: int | None = None


class CannotListen(OSError):
    """The port is taken, or nobody may have it."""


class LocalEndpoint:
    """Everything behind one URL, in this process; a context manager. `stop` is called when the page's API is
    told to take it down. Raises FolderRefused, CannotListen, NotOnThisSystem, and HomeNotFound where the
    checkout's `serve` is wanted and there is none."""

    def __init__(self, settings: LocalSettings, stop: Callable[[], None] | None = None) -> None:
        self._stop = stop
        self._door = Door()
        with ExitStack() as opened:
            folder = opened.enter_context(own_folder(settings.folder))
            self._server = _listening(self._door, settings.port)
            opened.callback(self._server.close)
            self._make(replace(settings, folder=folder))
            self._running = opened.pop_all()

    def _make(self, settings: LocalSettings) -> None:
        folder = settings.folder
        self.settings = settings
        self.clock = Clock(settings.speed)
        self.faults, self.journal = Faults(settings.fault_seed), Journal()
        self.objects = ObjectStore(folder / "s3", self.clock)
        self.logs = FileLogs(folder / "logs", self.clock)
        self.serve = settings.serve or (str(container_home() / "serve"),)
        self.url: str = self._server.url
        self._launcher = (
            EngineLauncher(settings.engine)
            if settings.engine
            else ProcessLauncher(self.serve, {"AWS_ENDPOINT_URL": self.url})
        )
        self.metrics = CloudWatchMetrics(self.url, self.clock)
        self._topics = SnsTopics(self.url)
        self._events = S3Events(self.objects, self.url)
        neighbours = Neighbours(
            objects=self.objects,
            topics=self._topics,
            metrics=self.metrics,
            logs=self.logs,
            clock=self.clock,
            switches=settings.switches,
            faults=self.faults,
            journal=self.journal,
            folder=folder / "queue",
        )
        self.host = Host(self._fleet, neighbours)
        self._log_events = LogEvents(self.url, self.logs, self.host)
        self._scaler = Scaler(self.url, self.host, self.clock, self.metrics, settings.switches)

    def _fleet(self, spec: EndpointSpec, listener: FleetListener) -> Fleet:
        settings = self.settings
        self._log_events.expect(spec.name, spec.region)
        premises = Premises(
            settings.folder / "instances",
            self.objects,
            self.clock,
            settings.switches,
            self.faults,
            self.logs,
            settings.provision_seconds,
        )
        return InstanceFleet(spec, self._launcher, premises, Obituaries(listener, self.logs, spec))

    def start(self) -> None:
        """Returns once the URL answers. What was started is stopped in the opposite order: the endpoints
        before the URL, which their last notifications need. Last, moto, of which a process has only one,
        forgets everything."""
        moto = moto_application()
        self._running.callback(moto.forget)
        services = (self._server, self._topics, self.metrics, self._events, self._log_events)
        for part in (*services, self.host, self._scaler):
            self._running.callback(part.close)
        self._server.start()
        self._door.open(self._router(moto))
        self._events.start()
        self._log_events.start()
        self._scaler.start()

    def _router(self, moto: MotoApplication) -> Router:
        settings = self.settings
        return Router(
            s3=S3Application(self.objects, self.faults),
            sagemaker=SageMakerApplication(
                self.host, self.objects, self.clock, self.faults, settings.folder / "bodies"
            ),
            moto=ScalingActivities(moto, self._scaler.activities),
            pages=PageApplication(self._seen(), self._stop),
        )

    def _seen(self) -> Seen:
        return Seen(
            self.host,
            self.journal,
            self.logs,
            self.faults,
            self.clock,
            self.settings.switches,
            self.objects,
        )

    def close(self) -> None:
        """Returns when every container and thread has gone; a second call does nothing."""
        self._running.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _listening(door: Door, port: int) -> Server:
    try:
        return Server(door, port)
    except OSError as error:
        raise CannotListen(*error.args) from error
