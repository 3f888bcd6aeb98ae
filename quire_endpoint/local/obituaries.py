"""Where is it written that an instance has gone, and of what?"""

from __future__ import annotations

from quire_endpoint.local.ports import FleetListener, Instance, Logs
from quire_endpoint.local.specs import EndpointSpec

LEAVING = "[quire local] no more work for it: it is stopped, or was found unhealthy"
GONE = "[quire local] gone: "
"""What follows is the cause."""


class Obituaries:
    """Stands between a fleet and its listener, and writes to the instance's own log."""

    def __init__(self, listener: FleetListener, logs: Logs, spec: EndpointSpec) -> None:
        self._listener, self._logs, self._spec = listener, logs, spec

    def in_service(self, instance: Instance) -> None:
        self._listener.in_service(instance)

    def leaving(self, instance_id: str) -> None:
        self._write(instance_id, LEAVING)
        self._listener.leaving(instance_id)

    def gone(self, instance_id: str, cause: str) -> None:
        self._write(instance_id, f"{GONE}{cause}")
        self._listener.gone(instance_id, cause)

    def changed(self) -> None:
        self._listener.changed()

    def _write(self, instance_id: str, line: str) -> None:
        self._logs.write(self._spec.name, f"{self._spec.variant.name}/{instance_id}", line)
