"""When an invocation may enter the engine: in order of arrival, so many at once, when it is ready."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quire.engine.hang_up import HasFileno, wait_readable
from quire.engine.watch import Health
from quire.words.errors import DeadlineExceeded, ShuttingDown


class Gate:
    """`health` is asked whenever something changed; it must not block. Call `refresh` on each change."""

    def __init__(self, max_inside: int, health: Callable[[], Health]) -> None:
        self._max_inside = max_inside
        self._health = health
        self._lock = threading.Lock()
        self._num_inside = 0
        self._waiting: deque[_Place] = deque()
        self._is_closed = False

    @property
    def num_inside(self) -> int:
        return self._num_inside

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    def refresh(self) -> None:
        """Lets in whoever may go in now; sends everybody away when the container drains."""
        with self._lock:
            self._move()

    def close(self) -> None:
        """Sends everybody away from now on. May be called from a signal handler."""
        with self._lock:
            self._is_closed = True
            self._move()

    @contextmanager
    def entered(self, deadline: float, caller: HasFileno | None) -> Iterator[None]:
        """Waits for a place, holds it. Raises DeadlineExceeded, ShuttingDown or CallerGone."""
        place = _Place()
        try:
            with self._lock:
                self._waiting.append(place)
                self._move()
            place.wait(deadline, caller)
            yield
        finally:
            with self._lock:
                self._leave(place)
                self._move()
            place.close()

    def _leave(self, place: _Place) -> None:
        if place.is_inside:
            self._num_inside -= 1
        elif place in self._waiting:
            self._waiting.remove(place)

    def _move(self) -> None:
        health = self._health()
        if self._is_closed or health.is_draining:
            while self._waiting:
                self._waiting.popleft().turn_away()
        while health.is_ready and self._waiting and self._num_inside < self._max_inside:
            self._num_inside += 1
            self._waiting.popleft().let_in()


class _Place:
    """One invocation's place in the queue: an event that can be polled beside the caller's socket."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_CLOEXEC)
        self.is_inside = False
        self._is_turned_away = False

    def let_in(self) -> None:
        self.is_inside = True
        os.eventfd_write(self._event, 1)

    def turn_away(self) -> None:
        self._is_turned_away = True
        os.eventfd_write(self._event, 1)

    def wait(self, deadline: float, caller: HasFileno | None) -> None:
        is_called = wait_readable(self._event, caller, deadline - time.monotonic())
        if self._is_turned_away:
            raise ShuttingDown("the container is stopping and takes no new documents; send it again")
        if not is_called:
            raise DeadlineExceeded("the deadline passed while the document waited for its turn")

    def close(self) -> None:
        os.close(self._event)
