"""Which faults were asked for, and does one strike here and now?"""

from __future__ import annotations

import enum
import itertools
import random
import threading
from dataclasses import dataclass, replace

MAX_FAULT_SECONDS = 24 * 3600.0
"""Longer than anything that the endpoint waits for."""


class FaultKind(enum.StrEnum):
    """Faults that stay until they are spent or taken back. Killing an instance is an act, not one of them."""

    SLOW_DOWNLOAD = "slow-download"
    SLOW_UPLOAD = "slow-upload"
    FAILING_DOWNLOAD = "failing-download"
    FAILING_UPLOAD = "failing-upload"
    DENIED_DOWNLOAD = "denied-download"
    """The endpoint's role may not read the input."""
    DENIED_UPLOAD = "denied-upload"
    """It may not write the output: the invocation fails silently and never completes."""
    THROTTLING = "throttling"
    """InvokeEndpointAsync answers ThrottlingException."""
    UNAVAILABLE = "unavailable"
    """InvokeEndpointAsync answers ServiceUnavailable."""
    NO_CAPACITY = "no-capacity"
    """An instance that is asked for does not come: InsufficientInstanceCapacity."""
    FAILING_NOTIFICATION = "failing-notification"
    NO_LIST_BUCKET = "no-list-bucket"
    """The caller may not list: S3 answers AccessDenied, not NoSuchKey, for an object that is not there."""


@dataclass(frozen=True)
class Fault:
    """`share` is the chance that it strikes where it could, `times` how often it may (None: until it is taken
    back), `seconds` how long a slow one takes, in the clock's time. `endpoint_name` None means every one; the
    caller's own dealings with S3 are of no endpoint."""

    kind: FaultKind
    endpoint_name: str | None = None
    share: float = 1.0
    times: int | None = None
    seconds: float = 5.0
    number: int = 0

    def __post_init__(self) -> None:
        if self.kind is FaultKind.NO_LIST_BUCKET and self.endpoint_name is not None:
            raise ValueError(f"{self.kind} is of the caller, and so of no endpoint in particular")
        if not 0 < self.share <= 1:
            raise ValueError(f"share is above 0 and at most 1, not {self.share}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is at least 1, not {self.times}")
        if not 0 <= self.seconds <= MAX_FAULT_SECONDS:
            raise ValueError(f"seconds is from 0 to {MAX_FAULT_SECONDS:.0f}, a day, not {self.seconds}")


class Faults:
    """The faults that are on. Every place where one could strike asks `strikes`. Threads may ask at once."""

    def __init__(self, seed: int | None = None) -> None:
        self._faults: dict[int, Fault] = {}
        self._numbers = itertools.count(1)
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Returns it with the number by which it is taken back."""
        with self._lock:
            numbered = replace(fault, number=next(self._numbers))
            self._faults[numbered.number] = numbered
            return numbered

    def remove(self, number: int) -> bool:
        """Whether it was there."""
        with self._lock:
            return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults.values())

    def strikes(self, kind: FaultKind, endpoint_name: str) -> Fault | None:
        """The fault that strikes, counted against its times; None where nothing happens."""
        with self._lock:
            for number, fault in list(self._faults.items()):
                if fault.kind is not kind or fault.endpoint_name not in (None, endpoint_name):
                    continue
                if self._chance.random() >= fault.share:
                    continue
                if fault.times is not None:
                    self._spend(number, fault, fault.times - 1)
                return fault
        return None

    def _spend(self, number: int, fault: Fault, times_left: int) -> None:
        if times_left:
            self._faults[number] = replace(fault, times=times_left)
        else:
            del self._faults[number]
