"""A host whose endpoints run nothing: their status changes when the test says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.ports import Backlog, InstanceView, NoSuchEndpoint
from quire_endpoint.local.specs import EndpointSpec, EndpointState, EndpointStatus
from quire_endpoint.local.switches import Fate


class HostWithoutContainers:
    """Implements EndpointHost. `submitted` are the invocations that it took, oldest first. With
    `loses_its_endpoints` they are gone at the moment of the next."""

    def __init__(self) -> None:
        self.submitted: list[Invocation] = []
        self.loses_its_endpoints = False
        self._specs: dict[str, EndpointSpec] = {}
        self._next_specs: dict[str, EndpointSpec] = {}
        self._states: dict[str, EndpointState] = {}
        self._seconds = 0.0

    def settle(self, endpoint_name: str) -> None:
        """What was asked for stands."""
        self._specs[endpoint_name] = self._next_specs.pop(endpoint_name, self._specs[endpoint_name])
        desired = self._states[endpoint_name].desired_instance_count
        self._set(endpoint_name, EndpointStatus.IN_SERVICE, desired, desired)

    def fail(self, endpoint_name: str, reason: str, status: EndpointStatus = EndpointStatus.FAILED) -> None:
        """A failed update leaves IN_SERVICE and the old specification behind."""
        self._next_specs.pop(endpoint_name, None)
        state = self._states[endpoint_name]
        self._states[endpoint_name] = replace(state, status=status, failure_reason=reason)

    def forget(self, endpoint_name: str) -> None:
        """A deletion has ended."""
        del self._states[endpoint_name], self._specs[endpoint_name]

    def create(self, spec: EndpointSpec) -> None:
        self._specs[spec.name] = spec
        self._set(spec.name, EndpointStatus.CREATING, 0, spec.variant.initial_instance_count)

    def update(self, spec: EndpointSpec) -> None:
        state = self.state(spec.name)
        self._next_specs[spec.name] = spec
        self._set(
            spec.name,
            EndpointStatus.UPDATING,
            state.current_instance_count,
            spec.variant.initial_instance_count,
        )

    def set_desired_count(self, endpoint_name: str, count: int) -> None:
        current = self.state(endpoint_name).current_instance_count
        self._set(endpoint_name, EndpointStatus.UPDATING, current, count)

    def delete(self, endpoint_name: str) -> None:
        self._set(endpoint_name, EndpointStatus.DELETING, self.state(endpoint_name).current_instance_count, 0)

    def names(self) -> Sequence[str]:
        return list(self._specs)

    def spec(self, endpoint_name: str) -> EndpointSpec:
        self.state(endpoint_name)
        return self._specs[endpoint_name]

    def state(self, endpoint_name: str) -> EndpointState:
        if endpoint_name not in self._states:
            raise NoSuchEndpoint(endpoint_name)
        return self._states[endpoint_name]

    def backlog(self, endpoint_name: str) -> Backlog:
        self.state(endpoint_name)
        return Backlog(len(self.submitted), 0, None)

    def instances(self, endpoint_name: str) -> Sequence[InstanceView]:
        self.state(endpoint_name)
        return []

    def kill_instance(self, endpoint_name: str, instance_id: str | None, fate: Fate | None) -> str | None:
        self.state(endpoint_name)
        return None

    def submit(self, invocation: Invocation) -> None:
        if self.loses_its_endpoints:
            self.close()
        self.state(invocation.endpoint_name)
        self.submitted.append(invocation)

    def close(self) -> None:
        self._states.clear()

    def _set(self, name: str, status: EndpointStatus, current: int, desired: int) -> None:
        self._seconds += 1
        self._states[name] = EndpointState(status, current, desired, self._seconds)
