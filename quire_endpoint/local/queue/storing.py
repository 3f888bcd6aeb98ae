"""How does an answer reach the output bucket?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.ports import ObjectMissing, ObjectRefused
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.s3_location import S3Location


class StoreFailed(Exception):
    """The object is not written; the message says why."""


class StoreDenied(StoreFailed):
    """The endpoint's role may not write there: nobody is told. Seen by aws/deep-learning-containers,
    test/openfold3: such an invocation "fails silently and never completes"."""


class Store:
    """Where one endpoint's answers go. `pause` waits out a slow upload."""

    def __init__(self, neighbours: Neighbours, endpoint_name: str, pause: Callable[[float], None]) -> None:
        self._neighbours = neighbours
        self._endpoint_name = endpoint_name
        self._pause = pause

    def put(self, location: S3Location, body: Path, content_type: str | None) -> None:
        """Takes `body` over. Raises StoreFailed, StoreDenied."""
        faults = self._neighbours.faults
        if (slow := faults.strikes(FaultKind.SLOW_UPLOAD, self._endpoint_name)) is not None:
            self._pause(slow.seconds)
        if faults.strikes(FaultKind.DENIED_UPLOAD, self._endpoint_name) is not None:
            raise StoreDenied(f"Access denied to {location}: the endpoint's role may not write it")
        if faults.strikes(FaultKind.FAILING_UPLOAD, self._endpoint_name) is not None:
            raise StoreFailed(f"{location} could not be written: a fault that was asked for")
        try:
            self._neighbours.objects.put(location, body, content_type)
        except (ObjectMissing, ObjectRefused, OSError) as error:
            raise StoreFailed(f"{location} could not be written: {error}") from error
