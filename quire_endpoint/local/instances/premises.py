"""What have the fleets of one local endpoint in common?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.instances.life import Spans
from quire_endpoint.local.ports import Logs, Objects
from quire_endpoint.local.specs import VariantSpec
from quire_endpoint.local.switches import Switches

STOP_SECONDS = 30.0
"""From SIGTERM to SIGKILL, in real seconds whatever the clock's speed: a container stops in its own time."""

CAPACITY_RETRY_SECONDS = 60.0
"""Until a machine that was not to be had is asked for again, by the clock. AWS publishes no figure."""


@dataclass(frozen=True)
class Premises:
    """Files lie beneath `folder`. A new instance is there after `provision_seconds` of the clock."""

    folder: Path
    objects: Objects
    clock: Clock
    switches: Switches
    faults: Faults
    logs: Logs
    provision_seconds: float = 0.0

    def spans(self, variant: VariantSpec) -> Spans:
        """Of an instance's life."""
        return Spans(
            provision_seconds=self.provision_seconds,
            startup_seconds=variant.startup_seconds * self.clock.speed,
            stop_seconds=STOP_SECONDS * self.clock.speed,
            refused_seconds=CAPACITY_RETRY_SECONDS,
            pings_failed_to_replace=self.switches.pings_failed_to_replace,
        )
