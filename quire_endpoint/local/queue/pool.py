"""Which instance takes the next invocation, and what does each of them work on?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from quire_endpoint.local.queue.copies import Delivery

MAX_SETTLED = 32
"""Of each instance: answers on their way to S3 and to SNS, beyond which it is given nothing more. It bounds
the threads that slow uploads hold."""


@dataclass
class _Place:
    capacity: int
    last_given: int
    is_leaving: bool = False
    deliveries: dict[Delivery, None] = field(default_factory=dict)
    held: set[Delivery] = field(default_factory=set)
    settled: set[Delivery] = field(default_factory=set)

    @property
    def num_taken(self) -> int:
        return len(self.deliveries) + len(self.held)

    @property
    def has_room(self) -> bool:
        is_free = self.num_taken < self.capacity and len(self.settled) < MAX_SETTLED
        return is_free and not self.is_leaving

    @property
    def load(self) -> tuple[int, int]:
        return self.num_taken, self.last_given


class Pool:
    """The instances of an endpoint's queue. One that is leaving keeps what it has and gets no more."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._turns = itertools.count()

    def join(self, instance_id: str, capacity: int) -> None:
        self._places[instance_id] = _Place(capacity, next(self._turns))

    def leave(self, instance_id: str) -> None:
        if instance_id in self._places:
            self._places[instance_id].is_leaving = True

    def is_leaving(self, instance_id: str) -> bool:
        """Or gone."""
        place = self._places.get(instance_id)
        return place is None or place.is_leaving

    def remove(self, instance_id: str) -> Sequence[Delivery]:
        """What it worked on, and what it held."""
        place = self._places.pop(instance_id, None)
        return [] if place is None else [*place.deliveries, *place.held]

    def choose(self) -> str | None:
        """The one with the least in flight that has room, and of equals the one that has waited longest."""
        open_places = {name: place.load for name, place in self._places.items() if place.has_room}
        return min(open_places, key=lambda name: open_places[name]) if open_places else None

    def occupy(self, delivery: Delivery) -> None:
        place = self._places[delivery.instance_id]
        place.deliveries[delivery] = None
        place.last_given = next(self._turns)

    def hold(self, delivery: Delivery) -> None:
        """It is given up, but the container works on it still: its slot stays taken."""
        place = self._places[delivery.instance_id]
        del place.deliveries[delivery]
        place.held.add(delivery)

    def let_go(self, delivery: Delivery) -> None:
        """The container is done with what was held."""
        place = self._places.get(delivery.instance_id)
        if place is not None:
            place.held.discard(delivery)

    def settle(self, delivery: Delivery) -> None:
        """The container is done with it: it may be sent the next."""
        place = self._places.get(delivery.instance_id)
        if place is not None:
            del place.deliveries[delivery]
            place.settled.add(delivery)

    def release(self, delivery: Delivery) -> None:
        """It is over."""
        place = self._places.get(delivery.instance_id)
        if place is not None:
            place.deliveries.pop(delivery, None)
            place.settled.discard(delivery)

    def deliveries(self, instance_id: str) -> Sequence[Delivery]:
        """What it works on."""
        place = self._places.get(instance_id)
        return [] if place is None else list(place.deliveries)
