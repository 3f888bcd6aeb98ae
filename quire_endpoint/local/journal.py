"""What has happened to each invocation: the timeline behind the page, `quire why` and the tests."""

from __future__ import annotations

import enum
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from quire_endpoint.local.invocation import Ending

KEPT = 20_000
"""About 2.5 kB each."""


class Step(enum.StrEnum):
    """In the order in which an invocation takes them; from ASSIGNED on once for each delivery."""

    RECEIVED = "received"
    ASSIGNED = "assigned"
    DOWNLOADED = "downloaded"
    RESPONDED = "responded"
    UPLOADED = "uploaded"
    NOTIFIED = "notified"
    REQUEUED = "requeued"
    """Delivered again, or a second time beside the first."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One step, at the clock's time. `delivery` counts from 1; 0 before the first. `detail` is a sentence for
    people: the instance's id for ASSIGNED, the status for RESPONDED, the reason of a failure. `run` is the
    number of the invocation, of which several may have used the same inference id."""

    inference_id: str
    endpoint_name: str
    step: Step
    seconds: float
    delivery: int = 0
    instance_id: str | None = None
    detail: str = ""
    ending: Ending | None = None
    run: int = 0


class Journal:
    """Whole timelines: of all invocations that have not ended, and of the `kept` that ended last. Threads may
    write and read at once."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._timelines: dict[int, list[Entry]] = {}
        """By run, in the order of reception."""
        self._runs: dict[str, list[int]] = {}
        """Those that are kept of each inference id, the latest last."""
        self._ended: deque[int] = deque()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Entry], None]] = []

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Calls `listener` with every later entry, on the thread that writes it."""
        self._listeners.append(listener)

    def write(self, entry: Entry) -> None:
        """A timeline begins with RECEIVED: what comes of a run that is not known is told, and not kept."""
        with self._lock:
            self._keep(entry)
        for listener in self._listeners:
            listener(entry)

    def timeline(self, inference_id: str) -> list[Entry]:
        """Of the invocation of this id that was received last, oldest first; empty where it is unknown."""
        with self._lock:
            runs = self._runs.get(inference_id)
            return list(self._timelines[runs[-1]]) if runs else []

    def latest(self, count: int) -> list[list[Entry]]:
        """The timelines of the `count` invocations received last, the latest first."""
        with self._lock:
            return [list(timeline) for timeline in islice(reversed(self._timelines.values()), count)]

    def _keep(self, entry: Entry) -> None:
        if entry.step is Step.RECEIVED:
            self._timelines[entry.run] = []
            self._runs.setdefault(entry.inference_id, []).append(entry.run)
        if entry.run not in self._timelines:
            return
        self._timelines[entry.run].append(entry)
        if entry.step is Step.ENDED:
            self._ended.append(entry.run)
            if len(self._ended) > self._kept:
                self._forget(self._ended.popleft())

    def _forget(self, run: int) -> None:
        inference_id = self._timelines.pop(run)[0].inference_id
        runs = self._runs[inference_id]
        runs.remove(run)
        if not runs:
            del self._runs[inference_id]
