"""How many invocations are in the container at once, and whether another one still finds a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quire.words.errors import Overloaded
from quire.words.json_lines import log_line

KEPT_THREADS = 8
"""Threads that invocations never take, so that /ping finds one."""

log = logging.getLogger("quire.frontend")


@dataclass(frozen=True)
class Crowd:
    """As one arrival saw it, itself included."""

    in_flight: int
    peak: int


class Arrivals:
    """Counts from the first byte to the answer, waiting included: `expected` is what the endpoint's
    MaxConcurrentInvocationsPerInstance should be, and the peak tells when it is not."""

    def __init__(self, max_threads: int, expected: int) -> None:
        self._most = max_threads - KEPT_THREADS
        self._expected = expected
        self._lock = threading.Lock()
        self._in_flight = 0
        self._peak = 0
        self._reported_peak = 0

    @contextmanager
    def arrive(self) -> Iterator[Crowd]:
        """Raises Overloaded when too few threads would be left."""
        with self._lock:
            if self._in_flight >= self._most:
                raise Overloaded(f"{self._in_flight} invocations are in the container; send it again later")
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            crowd = Crowd(self._in_flight, self._peak)
            is_news = self._is_news()
        try:
            if is_news:
                self._report(crowd)
            yield crowd
        finally:
            with self._lock:
                self._in_flight -= 1

    def _is_news(self) -> bool:
        """A peak over the expected one is told at its first sight and whenever it has doubled."""
        if self._peak <= max(self._expected, 2 * self._reported_peak - 1):
            return False
        self._reported_peak = self._peak
        return True

    def _report(self, crowd: Crowd) -> None:
        log_line(
            log,
            logging.WARNING,
            "more invocations at once than QUIRE_MAX_CONCURRENT_INVOCATIONS; the others wait: set it to the "
            "endpoint's MaxConcurrentInvocationsPerInstance",
            peak=crowd.peak,
            max_concurrent_invocations=self._expected,
        )
