"""The whole engine in simulated time: the real engine, pools, events, arena and lanes, and around them
workers and callers that are only events on a clock. The same seed gives the same run."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from quire.engine.arena import ArenaLedger, ArenaMap, create_arena
from quire.engine.device_pool import DevicePool
from quire.engine.engine import Engine
from quire.engine.events import DeviceEvents, RenderEvents
from quire.engine.render_pool import RenderPool
from quire.models.stub import StubOptions
from tests.engine.simulation_client import SimulatedClient, Visit
from tests.engine.simulation_clock import Clock
from tests.engine.simulation_device import DeviceLedger, SimulatedDevice
from tests.engine.simulation_renderer import RenderSeconds, SimulatedRenderer
from tests.engine.simulation_workers import Memory, World

_SETTLING_SECONDS = 120.0
"""Longer than any backoff, stall or render timeout of the simulations: then all must be at rest."""

_ENDING_SECONDS = 0.01
"""From the end of a worker's channel to that of its process."""


@dataclass(frozen=True)
class Shape:
    """The machine that is simulated."""

    num_devices: int = 2
    num_renderers: int = 4
    arena_bytes: int = 1 << 20
    stub: StubOptions = field(default_factory=StubOptions)
    render: RenderSeconds = field(default_factory=RenderSeconds)
    stall_seconds: float = 5.0
    page_seconds: float = 5.0
    drain_seconds: float = 20.0
    turn_seconds: float = 0.0
    kill_every_seconds: float | None = None
    seed: int = 0


class Simulation:
    """`lost_devices` never come up again once their number stands here: they die at every start."""

    def __init__(self, scratch: Path, shape: Shape, arena_fd: int) -> None:
        self.shape = shape
        self.scratch = scratch
        self.random = random.Random(shape.seed)
        self.clock = Clock()
        self.world = World(self.clock, Memory(ArenaMap(arena_fd)), turn_seconds=shape.turn_seconds)
        self.clients: list[SimulatedClient] = []
        self.renderers: list[SimulatedRenderer] = []
        self.devices: list[SimulatedDevice] = []
        self.ledgers = [DeviceLedger() for _ in range(shape.num_devices)]
        self.lost_devices: set[int] = set()
        self.num_to_come = 0
        self.num_steps = 0
        self.engine = Engine(
            renderers=RenderPool(self._spawn_renderer, shape.num_renderers, shape.page_seconds),
            devices=DevicePool(
                self._spawn_device,
                shape.num_devices,
                stall_seconds=shape.stall_seconds,
                startup_seconds=600.0,
            ),
            arena=ArenaLedger(shape.arena_bytes),
            drain_seconds=shape.drain_seconds,
            max_pages=1_000_000,
        )
        self.world.is_lost = lambda: len(self.lost_devices) == shape.num_devices
        self._render_events = RenderEvents(self.engine)
        self._device_events = DeviceEvents(self.engine)
        self._step()
        if shape.kill_every_seconds is not None:
            self._kill_one_later(shape.kill_every_seconds)

    # --- workers ---

    def _spawn_renderer(self) -> SimulatedRenderer:
        worker = SimulatedRenderer(
            self.world, self._renderer_said, self._renderer_hung_up, self.shape.render, self.random
        )
        self.renderers.append(worker)
        return worker

    def _spawn_device(self, device: int) -> SimulatedDevice:
        worker = SimulatedDevice(
            self.world,
            self._device_said,
            self._device_hung_up,
            self.shape.stub,
            self.ledgers[device],
        )
        self.devices.append(worker)
        if device in self.lost_devices:
            worker.kill()
        return worker

    def _renderer_said(self, worker: Any, message: Any) -> None:
        self._render_events.report(worker, message, self.clock.now)

    def _renderer_hung_up(self, worker: Any) -> None:
        self.engine.renderers.hung_up(worker)
        self.clock.after(_ENDING_SECONDS, partial(self._renderer_died, worker))

    def _renderer_died(self, worker: Any) -> None:
        worker.buried()
        self.renderers.remove(worker)
        self._render_events.died(worker, self.clock.now)

    def _device_said(self, worker: Any, message: Any) -> None:
        self._device_events.report(message, worker, self.clock.now)

    def _device_hung_up(self, worker: Any) -> None:
        self.engine.devices.hung_up(worker)
        self.clock.after(_ENDING_SECONDS, partial(self._device_died, worker))

    def _device_died(self, worker: Any) -> None:
        worker.buried()
        self.devices.remove(worker)
        self._device_events.died(worker, self.clock.now)

    def lose_device(self, device: int) -> None:
        """For good."""
        self.lost_devices.add(device)
        for worker in self.devices:
            if worker.ledger is self.ledgers[device]:
                worker.kill()

    def _kill_one_later(self, every_seconds: float) -> None:
        self.clock.after(self.random.expovariate(1 / every_seconds), partial(self._kill_one, every_seconds))

    def _kill_one(self, every_seconds: float) -> None:
        if not self.is_over:
            workers: list[Any] = [*self.renderers, *self.devices]
            if workers:
                self.random.choice(workers).kill()
            self._kill_one_later(every_seconds)

    # --- callers ---

    def expect(self, visits: Iterable[Visit]) -> None:
        for visit in visits:
            self.num_to_come += 1
            self.clock.at(visit.at, partial(self._receive, visit))

    def _receive(self, visit: Visit) -> None:
        number = len(self.clients)
        path = f"{number}.pdf"
        client = SimulatedClient(
            self.world, visit, path, self.scratch / f"{number}.jsonl", came_at=self.clock.now
        )
        self.num_to_come -= 1
        self.clients.append(client)
        self.world.num_present += 1
        self.world.documents[path] = visit.document
        self.engine.submit(client, client.submit, self.clock.now)
        if visit.hangs_up_after_seconds is not None:
            self.clock.after(visit.hangs_up_after_seconds, partial(self._hang_up, client))

    def _hang_up(self, client: SimulatedClient) -> None:
        if client.ended_at is None:
            client.hang_up()
            self.world.to_engine(partial(self._gone, client))

    def _gone(self, client: SimulatedClient) -> None:
        client.is_gone = True
        self.engine.client_gone(client)

    def drain_at(self, moment: float) -> None:
        self.clock.at(moment, lambda: self.engine.drain(self.clock.now))
        self.world.drains_at = moment

    # --- time ---

    @property
    def is_over(self) -> bool:
        return not self.num_to_come and self.world.num_present == 0

    def run(self, until: float | None = None) -> None:
        """To `until`, or until everybody has been answered or has hung up."""
        while (until is None and not self.is_over) or (until is not None and self.clock.now < until):
            due = self._next_moment()
            if due is None or (until is not None and due > until):
                assert until is not None, "the engine waits for nothing, and callers wait for it"
                self.clock.now = until
                return
            self.clock.move_to(due)
            self._step()

    def _next_moment(self) -> float | None:
        wakeup = self.engine.next_wakeup()
        assert wakeup is None or wakeup > self.clock.now, "it wants to be woken now, just after its step"
        due = min(self.clock.next_event_at, float("inf") if wakeup is None else wakeup)
        return None if due == float("inf") else due

    def _step(self) -> None:
        self.num_steps += 1
        self.engine.step(self.clock.now)

    # --- the end ---

    def finish(self) -> Counter[str]:
        """Runs to the end, sees that nothing is left behind, and counts what became of all."""
        self.run()
        self.run(until=self.clock.now + _SETTLING_SECONDS)
        assert not self.engine.orders
        assert not self.engine.ready_pages
        assert self.engine.arena.num_free_bytes == self.engine.arena.num_bytes
        assert not [page for device in self.devices for page in device.aboard.values()]
        assert self.clock.next_event_at == float("inf"), "somebody still waits for something"
        assert self.engine.next_wakeup() is None, "the engine still waits for something"
        outcomes: Counter[str] = Counter()
        for client in self.clients:
            outcomes.update(client.outcomes)
        return outcomes


@contextmanager
def simulation(scratch: Path, shape: Shape) -> Iterator[Simulation]:
    """One simulation, and its arena's memory for as long."""
    arena_fd = create_arena(shape.arena_bytes)
    try:
        yield Simulation(scratch, shape, arena_fd)
    finally:
        os.close(arena_fd)
