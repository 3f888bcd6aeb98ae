"""Which endpoints does the suite make? As few as it can: on AWS each costs an instance."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class ModelData(enum.Enum):
    NONE = "none"
    ARCHIVE = "archive"
    PREFIX = "prefix"


@dataclass(frozen=True)
class Plan:
    """An endpoint of one instance, not yet made. `concurrency` None leaves it to SageMaker."""

    name: str
    concurrency: int | None = 1
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    data: ModelData = ModelData.NONE
    has_failure_path: bool = True
    is_notifying: bool = False
    is_isolated: bool = False
    startup_seconds: int | None = None


MAIN = Plan("main", concurrency=4, environment={"CONFORMANCE_WORD": "from the model"}, data=ModelData.ARCHIVE)
"""Most requests go here."""

NOTIFYING = Plan("notifying", concurrency=4, is_notifying=True)

SERIAL = Plan("serial", concurrency=1, data=ModelData.PREFIX)
"""What must run alone, or one after another."""

WIDE = Plan("wide", concurrency=3)

BARE = Plan("bare", concurrency=None, has_failure_path=False)

ISOLATED = Plan("isolated", is_isolated=True, data=ModelData.ARCHIVE)

SICK = Plan("sick")
"""Its containers are made unwell, and are replaced."""

SCALED = Plan("scaled")
"""Goes to no instance and back."""

TRACKED = Plan("tracked")
"""Under AWS's two scaling policies."""

UPDATED = Plan("updated")

SLOW_TO_START = Plan("slow", environment={"CONFORMANCE_START_SECONDS": "90"})

NEVER_HEALTHY = Plan("never", environment={"CONFORMANCE_START_SECONDS": "86400"}, startup_seconds=60)

DELETED = Plan("deleted")

STUBBORN = Plan("stubborn", environment={"CONFORMANCE_SIGTERM": "ignore"})

FAULTY = Plan("faulty", is_notifying=True)
"""Where the local endpoint's faults are tried."""
