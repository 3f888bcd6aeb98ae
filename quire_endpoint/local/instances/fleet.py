"""Do as many containers of an endpoint run as are desired, and who is told when one comes or goes?"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.instances.attendant import Attendant, Event, Surroundings
from quire_endpoint.local.instances.container import Launcher
from quire_endpoint.local.instances.failure_reasons import no_capacity
from quire_endpoint.local.instances.handling import handle
from quire_endpoint.local.instances.life import Act, Life
from quire_endpoint.local.instances.model_data import ModelData
from quire_endpoint.local.instances.model_files import remove
from quire_endpoint.local.instances.premises import Premises
from quire_endpoint.local.instances.roster import Order, Roster
from quire_endpoint.local.ports import FleetListener, Instance, InstanceView
from quire_endpoint.local.specs import EndpointSpec


@dataclass(eq=False)
class InstanceFleet:
    """`ports.Fleet`. No instance is started before the first `set_desired_count`. Provisioning, pings and
    what lies between the starts of a container that keeps on dying go by the clock; the download, the startup
    window, the time-out of a ping and the 30 s after SIGTERM are real seconds, since a container does its
    part in them. No file is left after the fleet."""

    spec: EndpointSpec
    launcher: Launcher
    premises: Premises
    listener: FleetListener

    def __post_init__(self) -> None:
        self._clock = self.premises.clock
        self._own_folder = self.premises.folder / f"{self.spec.name}-{uuid.uuid4().hex[:8]}"
        self._roster = Roster(self.premises.spans(self.spec.variant), lambda: f"i-{uuid.uuid4().hex[:17]}")
        self._surroundings = self._make_surroundings()
        self._attendants: dict[str, Attendant] = {}
        self._changed = threading.Condition()
        self._events: list[Callable[[float], list[Order]]] = []
        self._is_idle: Callable[[str], bool] | None = None
        self._is_woken, self._over = False, threading.Event()
        self._shown: object = None
        self._loop = threading.Thread(target=self._run, name=f"fleet of {self.spec.name}", daemon=True)
        self._loop.start()

    def _make_surroundings(self) -> Surroundings:
        variant, premises = self.spec.variant, self.premises
        return Surroundings(
            spec=self.spec,
            launcher=self.launcher,
            model_data=ModelData(
                variant.model, premises.objects, self._own_folder / "models", variant.model_download_seconds
            ),
            folder=self._own_folder,
            clock=premises.clock,
            ping_interval_seconds=premises.switches.ping_interval_seconds,
            concurrency=self.spec.max_concurrent_invocations or premises.switches.concurrency_when_unset,
            write_line=self._write_line,
        )

    def set_desired_count(self, count: int) -> None:
        with self._changed:
            if not self._roster.is_retired:
                self._roster.want(count)
            self._changed.notify()

    @property
    def desired_count(self) -> int:
        with self._changed:
            return self._roster.desired

    @property
    def current_count(self) -> int:
        with self._changed:
            return self._roster.current

    @property
    def failure_reason(self) -> str | None:
        with self._changed:
            return self._roster.failure_reason

    @property
    def setback(self) -> str | None:
        with self._changed:
            return self._roster.setback

    def views(self) -> Sequence[InstanceView]:
        with self._changed:
            return [life.view() for life in self._roster.lives.values()]

    def kill(self, instance_id: str) -> bool:
        with self._changed:
            life = self._roster.lives.get(instance_id)
            if life is None:
                return False
            self._happened(lambda now: [Order(life, act) for act in life.kill(now)])
            return True

    def retire(self, is_idle: Callable[[str], bool] | None = None) -> None:
        with self._changed:
            self._is_idle, self._is_woken = is_idle, True
            self._happened(lambda now: self._roster.retire(is_idle is not None, now))

    def wake(self) -> None:
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def is_gone(self) -> bool:
        return self._over.is_set()

    def close(self) -> None:
        """An exception that interrupts the waiting, as Ctrl-C does, kills what is still there."""
        self.retire()
        try:
            self._over.wait()  # not join, which takes a thread for ended once it was interrupted
        except BaseException:
            self._kill_all()
            self._over.wait()
            raise
        self._loop.join()

    def _run(self) -> None:
        try:
            while not self._turn():
                pass
        finally:
            self._kill_all()
            for attendant in self._attendants.values():
                attendant.join()
            remove(self._own_folder)
            self._over.set()
        self.listener.changed()

    def _turn(self) -> bool:
        """Whether it was the last."""
        with self._changed:
            self._await()
            now = self._clock.now()
            events, self._events = self._events, []
            orders = [order for event in events for order in event(now)]
            orders += self._roster.step(now)
            shown, self._shown = self._shown, self._roster.summary()
            asked = self._roster.draining if self._is_woken and self._is_idle else []
            self._is_woken = False
        for order in orders:
            self._obey(order)
        self._ask_whether_idle(asked)
        if shown != self._shown:
            self.listener.changed()
        return self._forget_the_gone()

    def _await(self) -> None:
        while not self._events and not self._is_woken and not self._is_due():
            wake_at = self._roster.wake_at
            left = None if wake_at is None else self._clock.wall_seconds(wake_at - self._clock.now())
            self._changed.wait(left)

    def _is_due(self) -> bool:
        wake_at = self._roster.wake_at
        if wake_at is not None and wake_at <= self._clock.now():
            return True
        return self._roster.summary() != self._shown

    def _obey(self, order: Order) -> None:
        life = order.life
        match order.act:
            case Act.CLAIM:
                self._claim(life)
            case Act.TELL_IN_SERVICE:
                self.listener.in_service(
                    Instance(life.instance_id, self.spec.name, self.spec.variant.name, life.port or 0)
                )
            case Act.TELL_LEAVING:
                self.listener.leaving(life.instance_id)
            case Act.TELL_GONE:
                self.listener.gone(life.instance_id, life.cause)
            case _:
                self._attendant(life.instance_id).do(order.act)

    def _claim(self, life: Life) -> None:
        is_refused = self.premises.faults.strikes(FaultKind.NO_CAPACITY, self.spec.name) is not None
        with self._changed:
            if is_refused:
                self._roster.fail(no_capacity())
            answer = life.refused if is_refused else life.claimed
            self._happened(lambda now: [Order(life, act) for act in answer(now)])

    def _attendant(self, instance_id: str) -> Attendant:
        if instance_id not in self._attendants:
            self._attendants[instance_id] = Attendant(instance_id, self._surroundings, self._told)
        return self._attendants[instance_id]

    def _told(self, instance_id: str, event: Event) -> None:
        """By an attendant, on a thread of its own."""
        with self._changed:
            life = self._roster.lives.get(instance_id)
            if life is not None:
                self._happened(lambda now: handle(self._roster, life, event, self.spec.variant.name, now))

    def _ask_whether_idle(self, instance_ids: Sequence[str]) -> None:
        """Without the lock: who answers may hold one of its own that a caller of ours waits with."""
        is_idle = self._is_idle
        for name in instance_ids:
            if is_idle is not None and is_idle(name):
                self._stop(name)

    def _stop(self, instance_id: str) -> None:
        with self._changed:
            life = self._roster.lives[instance_id]
            self._happened(lambda now: [Order(life, act) for act in life.stop(now)])

    def _forget_the_gone(self) -> bool:
        with self._changed:
            lives = self._roster.lives
            self._attendants = {
                name: one for name, one in self._attendants.items() if name in lives or not one.is_over()
            }
            return self._roster.is_retired and not lives and not self._events

    def _happened(self, event: Callable[[float], list[Order]]) -> None:
        self._events.append(event)
        self._changed.notify()

    def _kill_all(self) -> None:
        for attendant in self._attendants.values():
            attendant.kill()

    def _write_line(self, instance_id: str, line: str) -> None:
        self.premises.logs.write(self.spec.name, f"{self.spec.variant.name}/{instance_id}", line)
