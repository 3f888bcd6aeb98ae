"""What do the rooms of the local endpoint know of one another? These protocols, and the values with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.refusals import NoSuchEndpoint as NoSuchEndpoint
from quire_endpoint.local.refusals import NotificationFailed as NotificationFailed
from quire_endpoint.local.refusals import ObjectMissing as ObjectMissing
from quire_endpoint.local.refusals import ObjectRefused as ObjectRefused
from quire_endpoint.local.specs import EndpointSpec, EndpointState
from quire_endpoint.local.switches import Fate
from quire_endpoint.s3_location import S3Location


@dataclass(frozen=True)
class StoredObject:
    """An object as it stands in S3. `path` is its body's file: read it, never write it. The file stays as it
    is for as long as it is held open, whatever becomes of the object."""

    location: S3Location
    path: Path
    size_bytes: int
    etag: str
    content_type: str | None


class Objects(Protocol):
    """S3, for the endpoint itself: no HTTP between."""

    def find(self, location: S3Location) -> StoredObject:
        """Raises ObjectMissing."""
        ...

    def put(self, location: S3Location, body: Path, content_type: str | None) -> None:
        """Takes the file `body` over: it is moved. Raises ObjectMissing where there is no such bucket,
        ObjectRefused where S3 does not take the object, and OSError where the disk does not."""
        ...

    def beneath(self, prefix: S3Location) -> Sequence[StoredObject]:
        """Every object whose key begins with the prefix's, in order of keys. Raises ObjectMissing where there
        is no such bucket."""
        ...


class Topics(Protocol):
    """SNS."""

    def publish(self, topic_arn: str, message: str) -> None:
        """Raises NotificationFailed."""
        ...


class Metrics(Protocol):
    """CloudWatch, in the namespace AWS/SageMaker. Returns at once: what was put becomes visible with its
    minute."""

    def put(
        self, name: str, value: float, unit: str, endpoint_name: str, variant_name: str | None = None
    ) -> None:
        """One value, dated now. Dimensions are EndpointName and, where it is given, VariantName."""
        ...


class Logs(Protocol):
    """CloudWatch Logs, group /aws/sagemaker/Endpoints/ENDPOINT."""

    def write(self, endpoint_name: str, stream: str, line: str) -> None:
        """`stream` is VARIANT/INSTANCE-ID for what the container prints, VARIANT/INSTANCE-ID/data-log for
        what the endpoint says of an invocation. Returns at once."""
        ...

    def lines(self, endpoint_name: str, stream: str) -> Sequence[str]:
        """The last ten thousand, oldest first; none where the stream is unknown."""
        ...

    def streams(self, endpoint_name: str) -> Sequence[str]: ...


@dataclass(frozen=True)
class Instance:
    """A container in service, at 127.0.0.1:`port`."""

    instance_id: str
    endpoint_name: str
    variant_name: str
    port: int


@dataclass(frozen=True)
class InstanceView:
    """An instance as the page shows it. `phase` is one of provisioning, downloading, starting, in service,
    unhealthy, stopping; `seconds` since when, by the clock."""

    instance_id: str
    phase: str
    seconds: float
    port: int | None
    pid: int | None
    in_flight: Sequence[str]
    """Inference ids."""
    warning: str | None = None
    """What its user should know: the container is made for another concurrency than the endpoint's."""


class FleetListener(Protocol):
    """Who gives the instances their work. Calls come from the fleet's own threads, for one instance in this
    order, and must return at once."""

    def in_service(self, instance: Instance) -> None:
        """It may be given work."""
        ...

    def leaving(self, instance_id: str) -> None:
        """It is to be given no more: it is stopped next, or was found unhealthy. Not called for one that
        dies without warning."""
        ...

    def gone(self, instance_id: str, cause: str) -> None:
        """Its processes have ended: whatever it worked on will not be answered."""
        ...

    def changed(self) -> None:
        """A count or a phase has changed: `state` of the endpoint may have."""
        ...


class Fleet(Protocol):
    """The instances of one endpoint configuration, kept at the desired number."""

    def set_desired_count(self, count: int) -> None:
        """Returns at once. More instances are provisioned; of too many, those that are not in service go
        first, then the youngest: SIGTERM, SIGKILL 30 s later."""
        ...

    @property
    def desired_count(self) -> int: ...

    @property
    def current_count(self) -> int:
        """Instances in service."""
        ...

    @property
    def failure_reason(self) -> str | None:
        """Why no instance can come into service, once one has failed to start; AWS fails the deployment."""
        ...

    @property
    def setback(self) -> str | None:
        """Why fewer run than are desired: the latest instance that was refused or ended before it was in
        service. None while nothing of the kind has happened since more were asked for, or all were there."""
        ...

    def views(self) -> Sequence[InstanceView]:
        """With `in_flight` empty: the fleet does not know the work."""
        ...

    def kill(self, instance_id: str) -> bool:
        """SIGKILL to all of its processes; a new instance takes its place. Whether it was there."""
        ...

    def retire(self, is_idle: Callable[[str], bool] | None = None) -> None:
        """Stops all instances, and returns at once; `leaving` is called for all. With `is_idle` each is only
        stopped once it says so of the instance's id, asked again after `wake`."""
        ...

    def wake(self) -> None:
        """An instance may have become idle."""
        ...

    def is_gone(self) -> bool:
        """Whether it was retired and no process is left."""
        ...

    def close(self) -> None:
        """Stops everything and returns when all processes and threads have ended: SIGKILL after 30 s."""
        ...


@dataclass(frozen=True)
class Backlog:
    """An endpoint's queue now. Whether ApproximateBacklogSize counts both, AWS says in one place and denies
    in another: switches.is_in_flight_in_backlog."""

    waiting: int
    in_flight: int
    oldest_received_seconds: float | None
    """By the clock, of those that wait; None where none does."""

    @property
    def size(self) -> int:
        return self.waiting + self.in_flight


class EndpointHost(Protocol):
    """Everything that runs: the control plane tells it what to run, the runtime hands it invocations."""

    def create(self, spec: EndpointSpec) -> None:
        """Returns at once; the endpoint is Creating."""
        ...

    def update(self, spec: EndpointSpec) -> None:
        """Of a running endpoint: the new instances first, then the traffic, then the old instances go. Raises
        NoSuchEndpoint."""
        ...

    def set_desired_count(self, endpoint_name: str, count: int) -> None:
        """0 and more. Raises NoSuchEndpoint."""
        ...

    def delete(self, endpoint_name: str) -> None:
        """Returns at once. Raises NoSuchEndpoint."""
        ...

    def names(self) -> Sequence[str]: ...

    def spec(self, endpoint_name: str) -> EndpointSpec:
        """Raises NoSuchEndpoint."""
        ...

    def state(self, endpoint_name: str) -> EndpointState:
        """Raises NoSuchEndpoint; so does a deleted endpoint once its instances have gone."""
        ...

    def backlog(self, endpoint_name: str) -> Backlog:
        """Raises NoSuchEndpoint."""
        ...

    def instances(self, endpoint_name: str) -> Sequence[InstanceView]:
        """Raises NoSuchEndpoint."""
        ...

    def kill_instance(self, endpoint_name: str, instance_id: str | None, fate: Fate | None) -> str | None:
        """SIGKILL, as a machine dies: the instance named, or else one with work in flight, or any. `fate` is
        its work's, None the switch's. Returns its id; None where there is none. Raises NoSuchEndpoint."""
        ...

    def submit(self, invocation: Invocation) -> None:
        """Returns once it stands in the queue. Raises NoSuchEndpoint."""
        ...

    def close(self) -> None:
        """Stops every container, and returns when all have gone."""
        ...
