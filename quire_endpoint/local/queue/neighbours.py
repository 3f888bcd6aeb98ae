"""What does a delivery need of the other rooms?"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.journal import Journal
from quire_endpoint.local.ports import Logs, Metrics, Objects, Topics
from quire_endpoint.local.switches import Switches

_SCRATCH = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Neighbours:
    """`folder` is for answers on their way to S3: on the same disk as the objects, into which they move."""

    objects: Objects
    topics: Topics
    metrics: Metrics
    logs: Logs
    clock: Clock
    switches: Switches
    faults: Faults
    journal: Journal
    folder: Path

    def scratch_file(self) -> Path:
        """A path that nothing else uses."""
        return self.folder / uuid.uuid4().hex

    def clear_scratch(self) -> None:
        """Of what a run that was killed has left; the folder is made where it is not there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if _SCRATCH.fullmatch(path.name):
                path.unlink()
