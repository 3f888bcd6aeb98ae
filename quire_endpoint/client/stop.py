"""How is a transfer of any size ended that runs on another thread?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """One that waits asks; those that work for it give up. What is asked once is asked for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_asked = False
        self._running: list[Callable[[], object]] = []

    def ask(self) -> None:
        with self._lock:
            self._is_asked = True
            running = list(self._running)
        for cancel in running:
            cancel()

    @contextmanager
    def ends(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Calls `cancel` when it is asked within, and at once where it has been."""
        with self._lock:
            self._running.append(cancel)
            is_asked = self._is_asked
        try:
            if is_asked:
                cancel()
            yield
        finally:
            with self._lock:
                self._running.remove(cancel)
