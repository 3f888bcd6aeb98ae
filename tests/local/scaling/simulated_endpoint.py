"""An endpoint whose hours pass in a loop: a queue, instances that come and go, and the scaler's own rules."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from quire_endpoint.local.ports import Backlog
from quire_endpoint.local.scaling.autoscaler import Autoscaler
from quire_endpoint.local.scaling.decisions import Capacity, Change
from quire_endpoint.local.scaling.gauges import measured
from quire_endpoint.local.scaling.policies import ScalableTarget
from quire_endpoint.local.specs import (
    EndpointSpec,
    EndpointState,
    EndpointStatus,
    ModelSpec,
    VariantSpec,
)
from quire_endpoint.local.switches import Switches
from quire_endpoint.s3_location import S3Location
from tests.fakes.scaling_in_memory import BoardInMemory
from tests.local.scaling.aws_policies import TARGET

BEGAN = 1_800_000_000
"""A minute's beginning, in seconds since the epoch."""

SPEC = EndpointSpec(
    name=TARGET.endpoint_name,
    arn="arn:aws:sagemaker:us-east-1:123456789012:endpoint/documents",
    config_name="config",
    region="us-east-1",
    variant=VariantSpec(TARGET.variant_name, ModelSpec("model", "image"), "ml.g5.xlarge"),
    output=S3Location("bucket", "out"),
)


@dataclass
class SimulatedInstance:
    """`ready` and `free` are seconds since the beginning."""

    ready: int
    free: int = 0


@dataclass
class Job:
    """Of the queue: times are seconds since the beginning."""

    received: int
    seconds: int
    ends: int | None = None
    is_lost: bool = False


@dataclass
class SimulatedEndpoint:
    """One job at a time on each instance; an instance that is scaled in takes its job with it. Who is asked
    for is in service `provision_seconds` later; until then the endpoint is Updating."""

    board: BoardInMemory
    switches: Switches = field(default_factory=Switches)
    provision_seconds: int = 240
    desired: int = 0
    now: int = 0

    def __post_init__(self) -> None:
        self.autoscaler = Autoscaler(self.board, self.switches)
        self.queue: deque[Job] = deque()
        self.jobs: list[Job] = []
        self.instances = [SimulatedInstance(0) for _ in range(self.desired)]
        self.changes: list[tuple[int, int, int]] = []
        """Minute, before, after."""

    @property
    def current(self) -> int:
        return sum(instance.ready <= self.now for instance in self.instances)

    def submit(self, number: int, seconds: int) -> None:
        new = [Job(self.now, seconds) for _ in range(number)]
        self.jobs += new
        self.queue += new

    def run(self, minutes: int) -> None:
        for _ in range(minutes * 60):
            self._work()
            self.now += 1
            if self.now % 60 == 0:
                self._minute_ends()

    def _work(self) -> None:
        for instance in self.instances:
            if self.queue and max(instance.ready, instance.free) <= self.now:
                job = self.queue.popleft()
                job.ends = instance.free = self.now + job.seconds

    def _minute_ends(self) -> None:
        minute = BEGAN + self.now - 60
        values = measured(
            SPEC, self._state(), self._backlog(), BEGAN + self.now, self.switches.is_in_flight_in_backlog
        )
        for series, value in values:
            self.board.data[series.name, minute] = value
        for change in self.autoscaler.step(BEGAN + self.now, self._capacity):
            self._apply(change)

    def _state(self) -> EndpointState:
        status = EndpointStatus.IN_SERVICE if self.current == self.desired else EndpointStatus.UPDATING
        return EndpointState(status, self.current, self.desired, 0.0)

    def _backlog(self) -> Backlog:
        in_flight = sum(job.ends is not None and job.ends > self.now for job in self.jobs)
        oldest = BEGAN + self.queue[0].received if self.queue else None
        return Backlog(len(self.queue), in_flight, oldest)

    def _capacity(self, target: ScalableTarget) -> Capacity:
        assert target.endpoint_name == TARGET.endpoint_name
        return Capacity(self.desired, self.current, self.current == self.desired)

    def _apply(self, change: Change) -> None:
        self.changes.append((self.now // 60, change.before, change.after))
        self.desired = change.after
        for _ in range(change.before, change.after):
            self.instances.append(SimulatedInstance(self.now + self.provision_seconds))
        for gone in self.instances[change.after :]:
            for job in self.jobs:
                job.is_lost |= job.ends == gone.free and gone.free > self.now
        del self.instances[change.after :]
