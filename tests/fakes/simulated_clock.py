"""A clock whose hours pass at once; it may lie in a file, from which a process that comes later goes on."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future
from pathlib import Path
from typing import Any


class SimulatedClock:
    """Stands still unless somebody waits for time alone. It goes on from `kept`, where that is a file."""

    def __init__(self, kept: Path | None = None) -> None:
        self._file = None if kept is None else os.open(kept, os.O_RDWR | os.O_CREAT)
        before = b"" if self._file is None else os.pread(self._file, 32, 0)
        self._now = float(before) if before else time.time()
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def wait(self, seconds: float, futures: Collection[Future[Any]]) -> None:
        if futures:
            concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED)
            return
        with self._lock:
            self._now += seconds
            if self._file is not None:
                os.pwrite(self._file, b"%032.6f" % self._now, 0)
