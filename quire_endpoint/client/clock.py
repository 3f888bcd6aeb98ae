"""What time is it for the client, and how does it wait?"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Collection
from concurrent.futures import Future
from typing import Any, Protocol


class Clock(Protocol):
    """Its hours may be simulated."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def wait(self, seconds: float, futures: Collection[Future[Any]]) -> None:
        """Until `seconds` have passed or one of `futures` is done."""
        ...


class WallClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def wait(self, seconds: float, futures: Collection[Future[Any]]) -> None:
        if futures:
            concurrent.futures.wait(
                futures, timeout=max(0.0, seconds), return_when=concurrent.futures.FIRST_COMPLETED
            )
        else:
            time.sleep(max(0.0, seconds))
