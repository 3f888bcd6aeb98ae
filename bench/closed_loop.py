"""How fast are documents read while so many are in flight all the time?"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bench.served import Served


class DocumentFailed(Exception):
    """The container failed, not the document; the message holds its answer."""


@dataclass(frozen=True)
class Answered:
    """One document, between its posting and its answer, of time.perf_counter(). `num_pages` is 0 for one
    that was refused."""

    num_pages: int
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def pages_between(self, start: float, end: float) -> float:
        """Its pages, spread evenly over its time, as far as they fall between the two."""
        overlap = max(0.0, min(self.ended, end) - max(self.began, start))
        return self.num_pages * overlap / self.seconds


@dataclass(frozen=True)
class Load:
    """The documents that were in flight at any moment from `start` to `end`."""

    answered: tuple[Answered, ...]
    start: float
    end: float

    @property
    def pages_a_second(self) -> float:
        pages = sum(each.pages_between(self.start, self.end) for each in self.answered)
        return pages / (self.end - self.start)

    @property
    def longest_seconds(self) -> float:
        """From the start to the last answer."""
        return max(each.ended for each in self.answered) - self.start

    @property
    def num_refused(self) -> int:
        return sum(each.num_pages == 0 for each in self.answered)

    def latency_seconds(self, percent: int) -> float:
        """So many per cent of the documents were answered within it."""
        seconds = [each.seconds for each in self.answered]
        if len(seconds) == 1:
            return seconds[0]
        return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def keep_in_flight(container: Served, files: Sequence[Path], in_flight: int, seconds: float) -> Load:
    """Callers that post one document after the other for so many seconds, and each at least one; `files`
    over and over. Raises DocumentFailed."""
    turns = _Turns(cycle(files))
    start = time.perf_counter()
    with ThreadPoolExecutor(in_flight) as pool:
        callers = [pool.submit(_call, container, turns, start + seconds) for _ in range(in_flight)]
        answered = [each for caller in callers for each in caller.result()]
    return Load(tuple(answered), start, start + seconds)


class _Turns:
    """Files that several callers take from."""

    def __init__(self, files: Iterator[Path]) -> None:
        self._files = files
        self._lock = threading.Lock()

    def next(self) -> Path:
        with self._lock:
            return next(self._files)


def _call(container: Served, turns: _Turns, until: float) -> list[Answered]:
    answered = [_post(container, turns.next())]
    while time.perf_counter() < until:
        answered.append(_post(container, turns.next()))
    return answered


def _post(container: Served, path: Path) -> Answered:
    body = path.read_bytes()
    began = time.perf_counter()
    status, answer = container.post(body, "application/octet-stream")
    ended = time.perf_counter()
    if status >= 500:
        raise DocumentFailed(f"{path.name}: {status} {answer[:300]!r}")
    return Answered(len(json.loads(answer)["pages"]) if status == 200 else 0, began, ended)
