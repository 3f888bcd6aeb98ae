"""Which of its instances may a fleet send to the queue?"""

from __future__ import annotations

import threading
from collections.abc import Callable

from quire_endpoint.local.ports import Instance
from quire_endpoint.local.queue.desk import Post
from quire_endpoint.local.queue.dispatcher import Dispatcher
from quire_endpoint.local.specs import EndpointSpec


class Gate:
    """The fleet's listener. Until it is opened, as the traffic moves to that fleet, instances in service wait
    behind it. Holds no lock while it tells of a change."""

    def __init__(self, spec: EndpointSpec, dispatcher: Dispatcher, changed: Callable[[], None]) -> None:
        self.is_draining = False
        self._spec = spec
        self._dispatcher = dispatcher
        self._changed = changed
        self._behind: dict[str, Instance] = {}
        self._is_open = False
        self._lock = threading.Lock()

    def open(self) -> None:
        with self._lock:
            self._is_open = True
            for instance in self._behind.values():
                self._join(instance)
            self._behind.clear()

    def in_service(self, instance: Instance) -> None:
        with self._lock:
            if self._is_open:
                self._join(instance)
            else:
                self._behind[instance.instance_id] = instance

    def leaving(self, instance_id: str) -> None:
        with self._lock:
            self._behind.pop(instance_id, None)
        self._dispatcher.leave(instance_id, is_drained=self.is_draining)

    def gone(self, instance_id: str, cause: str) -> None:
        with self._lock:
            self._behind.pop(instance_id, None)
        self._dispatcher.gone(instance_id)

    def changed(self) -> None:
        self._changed()

    def _join(self, instance: Instance) -> None:
        self._dispatcher.join(Post(instance, self._spec))
