"""What runs on other threads for one that waits, and how does it hear of the end?"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Tasks:
    """Of one kind, at most `most` at a time. What they return is handed over by `collect`, on the thread of
    the one that waits."""

    def __init__(self, executor: Executor, most: int) -> None:
        self._executor = executor
        self._most = most
        self._done: dict[Future[Any], Callable[[Any], None]] = {}

    @property
    def has_room(self) -> bool:
        return len(self._done) < self._most

    @property
    def futures(self) -> Collection[Future[Any]]:
        return self._done.keys()

    def start(self, work: Callable[[], Result], done: Callable[[Result], None]) -> None:
        self._done[self._executor.submit(work)] = done

    def collect(self) -> None:
        """Hands over what has been done. Raises what a task has raised."""
        for future in [future for future in self._done if future.done()]:
            self._done.pop(future)(future.result())

    def settle(self) -> None:
        """Waits for what runs; what has not begun never does."""
        for future in self._done:
            future.cancel()
        concurrent.futures.wait(self._done)
