"""What simulated workers have in common: they are born, take and send messages a little later, and die."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from quire.engine.arena import ArenaMap
from quire.engine.port import Pixels
from quire.words.reading import PageSize
from tests.engine.simulation_clock import Clock
from tests.engine.simulation_documents import SimulatedDocument, SimulatedPage, scribble

MESSAGE_SECONDS = 0.0002
"""How long a message is on its way: what is sent meanwhile crosses it."""


@dataclass
class Memory:
    """The arena's bytes, and which page was drawn where: what both kinds of workers look at."""

    arena: ArenaMap
    at_offset: dict[int, SimulatedPage] = field(default_factory=dict)

    def pixels(self, offset: int, size: PageSize) -> Pixels:
        return self.arena.pixels(offset, size)

    def clear(self, offset: int, page: SimulatedPage) -> None:
        scribble(self.pixels(offset, page.size))

    def draw(self, offset: int, page: SimulatedPage) -> None:
        page.draw(self.pixels(offset, page.size))
        self.at_offset[offset] = page


@dataclass
class Charges:
    """By page number or document path: how often it was, as far as the engine can know, to blame."""

    alone_on_device: Counter[int] = field(default_factory=Counter)
    at_renderer: Counter[int] = field(default_factory=Counter)
    at_opening: Counter[str] = field(default_factory=Counter)


@dataclass
class World:
    """What simulated processes share. `num_present` callers wait for their answer. The engine hears of
    all that has reached it every `turn_seconds`, as a busy one does; 0.0: of everything at once."""

    clock: Clock
    memory: Memory
    documents: dict[str, SimulatedDocument] = field(default_factory=dict)
    charges: Charges = field(default_factory=Charges)
    num_present: int = 0
    turn_seconds: float = 0.0
    drains_at: float = math.inf
    is_lost: Callable[[], bool] = lambda: False

    def to_engine(self, event: Callable[[], None]) -> None:
        """In the order in which it was sent."""
        arrival = self.clock.now + MESSAGE_SECONDS
        if self.turn_seconds:
            arrival = math.ceil(arrival / self.turn_seconds) * self.turn_seconds
        self.clock.at(arrival, event)


class SimulatedWorker(ABC):
    """`report` takes what the engine hears from it, `hang_up` that its channel is at its end."""

    def __init__(
        self, world: World, report: Callable[[Any, Any], None], hang_up: Callable[[Any], None]
    ) -> None:
        self.world = world
        self.is_dead = False
        self._report = report
        self._hang_up = hang_up

    def send(self, message: Any) -> None:
        """The engine's call."""
        self.sent(message)
        self.after(MESSAGE_SECONDS, partial(self.take, message))

    def kill(self) -> None:
        """Messages on their way are still heard, then the end of the channel."""
        if not self.is_dead:
            self.is_dead = True
            self.world.to_engine(partial(self._hang_up, self))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Unless the worker dies before."""
        self.world.clock.after(seconds, lambda: None if self.is_dead else event())

    def say(self, message: Any) -> None:
        if not self.is_dead:
            self.world.to_engine(partial(self._said, message))

    def _said(self, message: Any) -> None:
        self.heard(message)
        self._report(self, message)

    @abstractmethod
    def take(self, message: Any) -> None:
        """A message has reached the worker."""

    @abstractmethod
    def sent(self, message: Any) -> None:
        """The engine has sent this: from now on it counts on it."""

    @abstractmethod
    def heard(self, message: Any) -> None:
        """The engine is about to hear this."""

    @abstractmethod
    def buried(self) -> None:
        """The engine is about to hear of the death."""
