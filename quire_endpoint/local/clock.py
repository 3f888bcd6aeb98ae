"""What time is it at the local endpoint, whose hours may pass in minutes?"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Begins at the wall's time and runs `speed` times as fast. Everything that the endpoint dates, waits for
    or expires goes by it; what containers do takes its real time."""

    def __init__(self, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not 0 < speed < math.inf:
            raise ValueError(f"a clock runs forwards: speed is {speed}")
        self.speed = speed
        self._monotonic = monotonic
        self._epoch_seconds, self._began_seconds = time.time(), monotonic()

    def now(self) -> float:
        """Seconds since the epoch, in the endpoint's time; never goes back."""
        return self._epoch_seconds + (self._monotonic() - self._began_seconds) * self.speed

    def wall_seconds(self, seconds: float) -> float:
        """How long `seconds` of the endpoint's time last on the wall: what to wait for. At most what a
        thread can wait, some centuries."""
        return min(max(0.0, seconds) / self.speed, threading.TIMEOUT_MAX)

    def date(self) -> datetime:
        """now(), as boto3 takes it."""
        return as_date(self.now())


def as_date(seconds: float) -> datetime:
    """Of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def as_text(seconds: float) -> str:
    """As SageMaker's notifications write it: 2024-03-29T03:48:05.077Z."""
    return as_date(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
