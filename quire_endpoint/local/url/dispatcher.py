"""Which thread answers a request, when all of them are busy?"""

from __future__ import annotations

import logging
import threading
from typing import Any

from quire_endpoint.local.url.waitress_parts import ThreadedTaskDispatcher


class GrowingDispatcher(ThreadedTaskDispatcher):
    """Waitress's dispatcher, with a further thread whenever no thread is free. SQS's long polls hold a thread
    for up to 20 seconds each, and a thread may itself wait for a call to our own URL: with a fixed number of
    threads both could stop every other call. A connection has one request at work at most, so that the
    server's connection limit bounds the threads too."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._growing = threading.Lock()
        # Neither a task that waits for its new thread to start nor a long poll at the end is worth a warning.
        self.logger = self.queue_logger = logging.getLogger(__name__)
        self.logger.setLevel(logging.ERROR)
        self.set_thread_count(threads)

    def add_task(self, task: Any) -> None:
        with self._growing:
            with self.lock:
                needed = self.active_count + len(self.queue) + 1
            if needed > len(self.threads):
                self.set_thread_count(needed)
            super().add_task(task)
