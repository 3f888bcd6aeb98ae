"""Which endpoints run here?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from quire_endpoint.local.host.running_endpoint import RunningEndpoint
from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.ports import Backlog, Fleet, FleetListener, InstanceView, NoSuchEndpoint
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.specs import EndpointSpec, EndpointState
from quire_endpoint.local.switches import Fate


@dataclass(eq=False)
class Host:
    """`ports.EndpointHost`. What an earlier run left in the neighbours' folder is deleted."""

    make_fleet: Callable[[EndpointSpec, FleetListener], Fleet]
    neighbours: Neighbours

    def __post_init__(self) -> None:
        self.neighbours.clear_scratch()
        self._endpoints: dict[str, RunningEndpoint] = {}
        self._lock = threading.Lock()

    def create(self, spec: EndpointSpec) -> None:
        """Raises ValueError where one of this name runs already."""
        with self._lock:
            if spec.name in self._endpoints:
                raise ValueError(f"an endpoint {spec.name} runs already")
            self._endpoints[spec.name] = RunningEndpoint(spec, self.make_fleet, self.neighbours, self._forget)

    def update(self, spec: EndpointSpec) -> None:
        self._endpoint(spec.name).update(spec)

    def set_desired_count(self, endpoint_name: str, count: int) -> None:
        self._endpoint(endpoint_name).set_desired_count(count)

    def delete(self, endpoint_name: str) -> None:
        self._endpoint(endpoint_name).delete()

    def names(self) -> Sequence[str]:
        with self._lock:
            return list(self._endpoints)

    def spec(self, endpoint_name: str) -> EndpointSpec:
        return self._endpoint(endpoint_name).spec

    def state(self, endpoint_name: str) -> EndpointState:
        return self._endpoint(endpoint_name).state()

    def backlog(self, endpoint_name: str) -> Backlog:
        return self._endpoint(endpoint_name).backlog()

    def instances(self, endpoint_name: str) -> Sequence[InstanceView]:
        return self._endpoint(endpoint_name).instances()

    def kill_instance(
        self, endpoint_name: str, instance_id: str | None, fate: Fate | None = None
    ) -> str | None:
        return self._endpoint(endpoint_name).kill_instance(instance_id, fate)

    def submit(self, invocation: Invocation) -> None:
        endpoint = self._endpoint(invocation.endpoint_name)
        if endpoint.is_deleting:
            raise NoSuchEndpoint(invocation.endpoint_name)
        endpoint.queue.submit(invocation)

    def close(self) -> None:
        """An exception that interrupts the waiting, as Ctrl-C does, kills what is still there."""
        with self._lock:
            endpoints = list(self._endpoints.values())
        if not endpoints:
            return
        with ThreadPoolExecutor(len(endpoints), "close") as pool:
            closing = [pool.submit(one.close) for one in endpoints]
            try:
                wait(closing)
            except BaseException:
                for one in endpoints:
                    one.kill_all()
                raise
        for closed in closing:
            closed.result()

    def _endpoint(self, name: str) -> RunningEndpoint:
        with self._lock:
            try:
                return self._endpoints[name]
            except KeyError:
                raise NoSuchEndpoint(name) from None

    def _forget(self, endpoint: RunningEndpoint) -> None:
        with self._lock:
            if self._endpoints.get(endpoint.name) is endpoint:
                del self._endpoints[endpoint.name]
