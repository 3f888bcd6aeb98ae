"""A fleet of real stub containers, and a listener that remembers what it was told and can be waited with."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.instances.container import Launcher
from quire_endpoint.local.instances.fleet import InstanceFleet
from quire_endpoint.local.instances.premises import Premises
from quire_endpoint.local.instances.process_launcher import ProcessLauncher
from quire_endpoint.local.ports import Instance, InstanceView
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.scaling.logs import FileLogs
from quire_endpoint.local.specs import EndpointSpec, ModelSpec, VariantSpec
from quire_endpoint.local.switches import Switches
from quire_endpoint.s3_location import S3Location

STUB = Path(__file__).with_name("stub_container.py")
BUCKET = "models"
WAIT_SECONDS = 20.0


@dataclass
class RememberingListener:
    """ports.FleetListener. `told` has (what, instance id) in order; `causes` why instances went."""

    told: list[tuple[str, str]] = field(default_factory=list)
    causes: dict[str, str] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    on_change: Callable[[], None] = lambda: None
    news: threading.Condition = field(default_factory=threading.Condition)

    def in_service(self, instance: Instance) -> None:
        self.instances[instance.instance_id] = instance
        self._tell("in service", instance.instance_id)

    def leaving(self, instance_id: str) -> None:
        self._tell("leaving", instance_id)

    def gone(self, instance_id: str, cause: str) -> None:
        self.causes[instance_id] = cause
        self._tell("gone", instance_id)

    def changed(self) -> None:
        self.on_change()
        with self.news:
            self.news.notify_all()

    def _tell(self, what: str, instance_id: str) -> None:
        with self.news:
            self.told.append((what, instance_id))
            self.news.notify_all()

    def of(self, instance_id: str) -> list[str]:
        return [what for what, name in list(self.told) if name == instance_id]


@dataclass
class RunningFleet:
    """`fleet` with what stands around it."""

    fleet: InstanceFleet
    listener: RememberingListener
    objects: ObjectStore
    logs: FileLogs
    faults: Faults

    def await_that(self, claim: Callable[[], Any]) -> Any:
        """Its value, once it is true. The time-out covers claims on what nobody tells of: logs, processes."""
        with self.listener.news:
            for _ in range(int(WAIT_SECONDS / 0.05)):
                if value := claim():
                    return value
                self.listener.news.wait(0.05)
        raise AssertionError(f"it never came true: {self.fleet.views()} {self.fleet.failure_reason}")

    def in_service(self, count: int = 1) -> list[Instance]:
        """Once there are so many, oldest first."""
        self.await_that(lambda: self.fleet.current_count == count)
        names = [view.instance_id for view in self.fleet.views() if view.phase == "in service"]
        self.await_that(lambda: self.listener.instances.keys() >= set(names))
        return [self.listener.instances[name] for name in names]

    def failure(self) -> str:
        reason: str = self.await_that(lambda: self.fleet.failure_reason)
        return reason

    def lines(self, instance_id: str) -> Sequence[str]:
        return self.logs.lines("scans", f"AllTraffic/{instance_id}")

    def log(self) -> str:
        """Of all instances."""
        return "\n".join(
            line for name in self.logs.streams("scans") for line in self.logs.lines("scans", name)
        )

    def phases(self) -> list[str]:
        return [view.phase for view in self.fleet.views()]

    def view(self, instance_id: str) -> InstanceView:
        return next(view for view in self.fleet.views() if view.instance_id == instance_id)


def spec_of(
    environment: Mapping[str, str] | None = None, concurrency: int | None = 1, **variant: Any
) -> EndpointSpec:
    """`variant` are fields of VariantSpec and of ModelSpec."""
    model_fields = {"image", "data", "is_data_uncompressed", "is_network_isolated"}
    model = {"image": "image"} | {name: variant.pop(name) for name in list(variant) if name in model_fields}
    return EndpointSpec(
        name="scans",
        arn="arn:aws:sagemaker:eu-west-1:123456789012:endpoint/scans",
        config_name="scans-1",
        region="eu-west-1",
        variant=VariantSpec(
            "AllTraffic",
            ModelSpec("reader", environment=environment or {}, **model),
            "ml.g5.xlarge",
            **variant,
        ),
        output=S3Location("results", "out"),
        max_concurrent_invocations=concurrency,
    )


@contextmanager
def fleet_of(
    folder: Path,
    spec: EndpointSpec,
    launcher: Launcher | None = None,
    clock: Clock | None = None,
    provision_seconds: float = 0.0,
    **switches: Any,
) -> Iterator[RunningFleet]:
    """Closed in the end; no instance is asked for."""
    clock = clock or Clock()
    objects, logs = ObjectStore(folder / "s3", clock), FileLogs(folder / "logs", clock)
    objects.create_bucket(BUCKET)
    listener, faults = RememberingListener(), Faults(seed=1)
    fleet = InstanceFleet(
        spec,
        launcher or ProcessLauncher([str(STUB)], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}),
        Premises(folder / "instances", objects, clock, Switches(**switches), faults, logs, provision_seconds),
        listener,
    )
    try:
        yield RunningFleet(fleet, listener, objects, logs, faults)
    finally:
        fleet.close()


def invoke(port: int, **told: Any) -> Any:
    """The answer of a stub to what it is told, parsed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    try:
        connection.request("POST", "/invocations", json.dumps(told), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
