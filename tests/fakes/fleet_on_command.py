"""A fleet whose instances come, fail and go when a test says so; all of them are at one port."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from quire_endpoint.local.ports import FleetListener, Instance, InstanceView
from quire_endpoint.local.specs import EndpointSpec

_numbers = itertools.count(1)


class FleetOnCommand:
    """ports.Fleet. What is retired stops once it is idle, or at once where nobody is asked; it is gone when
    `finish` is called, or by itself with `is_prompt`."""

    def __init__(self, spec: EndpointSpec, listener: FleetListener, port: int, *, is_prompt: bool) -> None:
        self.spec = spec
        self.listener = listener
        self.up: list[str] = []
        self.stopped: list[str] = []
        self.is_retired = self.is_closed = False
        self._port = port
        self._is_prompt = is_prompt
        self._desired = 0
        self._reason: str | None = None
        self._setback: str | None = None
        self._is_idle: Callable[[str], bool] | None = None

    @property
    def desired_count(self) -> int:
        return self._desired

    @property
    def current_count(self) -> int:
        return 0 if self.is_retired else len(self.up)

    @property
    def failure_reason(self) -> str | None:
        return self._reason

    @property
    def setback(self) -> str | None:
        return self._setback

    def set_desired_count(self, count: int) -> None:
        self._desired, self._setback = count, None
        for name in self.up[count:]:
            self.listener.leaving(name)
            self.die(name)
        if self._is_prompt:
            self.bring_up()

    def bring_up(self, count: int | None = None) -> None:
        """So many in all, or as many as are desired."""
        while len(self.up) < (self._desired if count is None else count):
            name = f"i-{next(_numbers)}"
            self.listener.in_service(Instance(name, self.spec.name, self.spec.variant.name, self._port))
            self.up.append(name)
        self.listener.changed()

    def fail(self, reason: str) -> None:
        self._reason = reason
        self.listener.changed()

    def hold_back(self, reason: str) -> None:
        """An instance does not come, of a fleet that was up."""
        self._setback = reason
        self.listener.changed()

    def die(self, instance_id: str) -> None:
        self.up.remove(instance_id)
        self.listener.gone(instance_id, "it died")
        self.listener.changed()

    def views(self) -> Sequence[InstanceView]:
        return [InstanceView(name, "in service", 0.0, self._port, None, ()) for name in self.up]

    def kill(self, instance_id: str) -> bool:
        if instance_id not in self.up:
            return False
        self.die(instance_id)
        return True

    def retire(self, is_idle: Callable[[str], bool] | None = None) -> None:
        if not self.is_retired:
            self.is_retired, self._is_idle, self._desired = True, is_idle, 0
            for name in self.up:
                self.listener.leaving(name)
        self.wake()

    def wake(self) -> None:
        if not self.is_retired:
            return
        for name in self.up:
            if name not in self.stopped and (self._is_idle is None or self._is_idle(name)):
                self.stopped.append(name)
        if self._is_prompt:
            self.finish()

    def finish(self) -> None:
        """All that is stopped is gone."""
        for name in self.stopped:
            if name in self.up:
                self.die(name)

    def is_gone(self) -> bool:
        return self.is_retired and not self.up

    def close(self) -> None:
        self.retire()
        self.stopped = list(self.up)
        self.finish()
        self.is_closed = True
