"""What does the page look at?"""

from __future__ import annotations

from dataclasses import dataclass

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.journal import Journal
from quire_endpoint.local.ports import EndpointHost, Logs, Objects
from quire_endpoint.local.switches import Switches


@dataclass(frozen=True)
class Seen:
    """A running local endpoint."""

    host: EndpointHost
    journal: Journal
    logs: Logs
    faults: Faults
    clock: Clock
    switches: Switches
    objects: Objects
