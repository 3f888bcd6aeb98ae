"""Which thread carries deliveries to one instance, one after another?"""

from __future__ import annotations

import queue
import threading
from typing import Protocol

from quire_endpoint.local.queue.container import ContainerConnection
from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.desk import Desk, Post
from quire_endpoint.local.queue.errand import Errand
from quire_endpoint.local.queue.neighbours import Neighbours

LINGER_SECONDS = 1.0
"""On the wall: how long an idle thread is kept."""


class Office(Desk, Protocol):
    """The desk that workers come back to."""

    def sign_off(self, worker: Worker) -> bool:
        """Of an idle worker that wants to end. False where it was given another delivery just now."""
        ...

    def ended(self, worker: Worker) -> None: ...


class Worker:
    """A thread. After a delivery it waits a moment for the next to the same instance."""

    def __init__(self, post: Post, office: Office, neighbours: Neighbours) -> None:
        self.post = post
        self.connection = ContainerConnection(post.instance.port, neighbours.switches.max_response_bytes)
        self._office = office
        self._neighbours = neighbours
        self._inbox: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self.thread = threading.Thread(
            target=self._run, name=f"deliver-{post.instance.instance_id}", daemon=True
        )

    def give(self, delivery: Delivery | None) -> None:
        """None sends it home."""
        self._inbox.put(delivery)

    def _run(self) -> None:
        try:
            while (delivery := self._next()) is not None:
                errand = Errand(delivery, self.post, self._office, self._neighbours, self.connection)
                if not errand.carry_out():
                    break
        finally:
            self._office.ended(self)

    def _next(self) -> Delivery | None:
        try:
            return self._inbox.get(timeout=LINGER_SECONDS)
        except queue.Empty:
            return None if self._office.sign_off(self) else self._inbox.get()
