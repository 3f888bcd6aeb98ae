"""Which invocation goes to which instance, and when; and what becomes of it when its time runs out or its
instance goes away? A state machine: no threads, no clock."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.ports import Backlog
from quire_endpoint.local.queue.copies import IN_FLIGHT, QUEUED, Agenda, Copy, Delivery, Standing, Ticket
from quire_endpoint.local.queue.moves import Ended, Moves, Requeued, Verdict
from quire_endpoint.local.queue.pool import Pool
from quire_endpoint.local.switches import Fate, Switches


class Line:
    """First in, first out, over the instances that have room. Every invocation ends once; of one that is
    delivered twice, both deliveries run to their end, and it ends with the last. Times are the clock's."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._fates: dict[str, Fate] = {}
        self._orders = itertools.count()
        self._pool = Pool()
        self._copies: dict[Delivery, Copy] = {}
        self._count: Counter[Standing] = Counter()
        self._ready = Agenda(Standing.WAITING)
        self._queued = Agenda(*QUEUED)
        self._delays = Agenda(Standing.DELAYED)
        self._expiries = Agenda(*QUEUED)
        self._deadlines = Agenda(Standing.RUNNING)
        self._is_dropped = False
        self._moves = Moves()

    def add(self, invocation: Invocation) -> None:
        """At the end of the line."""
        copy = self._enqueue(Ticket(invocation, next(self._orders)), None)
        if self._is_dropped:
            self._close(copy, Ending.DROPPED, "the endpoint is deleted")

    def join(self, instance_id: str, capacity: int) -> None:
        self._pool.join(instance_id, capacity)

    def leave(self, instance_id: str, now: float, *, is_drained: bool = False) -> None:
        """It gets no more; what it has it may finish. Of a drained one the rest is never delivered twice."""
        self._pool.leave(instance_id)
        if self._fate(instance_id) is Fate.DUPLICATED and not is_drained and not self._is_dropped:
            for delivery in self._pool.deliveries(instance_id):
                self._double(self._copies[delivery].ticket, now)

    def gone(self, instance_id: str, now: float) -> None:
        """What it worked on meets its fate."""
        fate = self._fate(instance_id)
        for delivery in self._pool.remove(instance_id):
            self._moves.cancelled.append(delivery)
            if self.is_open(delivery):
                self._meet_fate(fate, self._copies[delivery], now)
        self._fates.pop(instance_id, None)

    def choose_fate(self, instance_id: str, fate: Fate) -> None:
        """Of what it works on when it goes away, in place of the switch."""
        self._fates[instance_id] = fate

    def _fate(self, instance_id: str) -> Fate:
        return self._fates.get(instance_id, self._switches.in_flight_fate)

    def drop(self) -> None:
        """Ends all that wait, and later all whose instance goes away."""
        self._is_dropped = True
        while (first := self._queued.first()) is not None:
            self._close(first[1], Ending.DROPPED, "the endpoint is deleted")

    def started(self, delivery: Delivery, deadline_seconds: float) -> bool:
        """The container is about to be asked. False where the instance is gone."""
        copy = self._copies.get(delivery)
        if copy is None:
            return False
        self._stand(copy, Standing.RUNNING)
        self._deadlines.put(deadline_seconds, copy)
        return True

    def broke(self, delivery: Delivery) -> None:
        """Its connection did, and `settle` follows: from now on time does not run out for it."""
        if self.is_open(delivery):
            self._stand(self._copies[delivery], Standing.BROKEN)

    def settle(self, delivery: Delivery) -> Verdict:
        """How it ends is known to whoever carries it: may that count? Its slot is free from now on. If it is
        not GONE, `finish` follows."""
        self._pool.let_go(delivery)
        copy = self._copies.get(delivery)
        if copy is None:
            return Verdict.GONE
        if copy.standing is Standing.SETTLED:
            return Verdict.OVERDUE if self._switches.is_slot_freed_on_time_out else Verdict.GONE
        self._settle(copy, delivery)
        return Verdict.YOURS

    def finish(self, delivery: Delivery, ending: Ending, detail: str = "") -> None:
        """It is over, stored and told."""
        if (copy := self._copies.get(delivery)) is not None:
            self._close(copy, ending, detail)

    def step(self, now: float) -> Moves:
        """What is to be done now; asked for again at `next_seconds`, or when anything else has happened."""
        while (copy := self._expiries.due(now)) is not None:
            self._close(copy, Ending.EXPIRED, "it waited longer than its RequestTTLSeconds")
        while (copy := self._deadlines.due(now)) is not None:
            assert copy.delivery is not None
            self._time_out(copy, copy.delivery)
        while (copy := self._delays.due(now)) is not None:
            self._stand(copy, Standing.WAITING)
            self._ready.put(copy.ticket.order, copy)
        self._assign()
        moves, self._moves = self._moves, Moves()
        return moves

    def next_seconds(self) -> float | None:
        """When time alone changes something."""
        times = [agenda.next_key() for agenda in (self._expiries, self._deadlines, self._delays)]
        return min((time for time in times if time is not None), default=None)

    def backlog(self) -> Backlog:
        oldest = self._queued.first()
        return Backlog(
            waiting=sum(self._count[one] for one in QUEUED),
            in_flight=sum(self._count[one] for one in IN_FLIGHT),
            oldest_received_seconds=None if oldest is None else oldest[1].ticket.invocation.received_seconds,
        )

    def in_flight(self, instance_id: str) -> Sequence[Delivery]:
        """What its death would strike."""
        return self._pool.deliveries(instance_id)

    def is_leaving(self, instance_id: str) -> bool:
        """Or gone."""
        return self._pool.is_leaving(instance_id)

    def is_open(self, delivery: Delivery) -> bool:
        """Whether it counts still: neither over, nor gone with its instance, nor overdue."""
        copy = self._copies.get(delivery)
        return copy is not None and copy.standing is not Standing.SETTLED

    def _assign(self) -> None:
        while (first := self._ready.first()) is not None and (instance_id := self._pool.choose()) is not None:
            copy = first[1]
            copy.ticket.num_deliveries += 1
            delivery = Delivery(copy.ticket.invocation, copy.ticket.num_deliveries, instance_id)
            copy.delivery = delivery
            self._copies[delivery] = copy
            self._pool.occupy(delivery)
            self._stand(copy, Standing.FETCHING)
            self._moves.deliveries.append(delivery)

    def _time_out(self, copy: Copy, delivery: Delivery) -> None:
        if self._switches.is_slot_freed_on_time_out:
            self._settle(copy, delivery)
            self._moves.cancelled.append(delivery)
        else:
            self._stand(copy, Standing.SETTLED)
            self._pool.hold(delivery)
            self._moves.overdue.append(delivery)

    def _meet_fate(self, fate: Fate, copy: Copy, now: float) -> None:
        if self._is_dropped:
            self._close(copy, Ending.DROPPED, "the endpoint is deleted")
            return
        if fate is Fate.DUPLICATED:
            self._double(copy.ticket, now)
        if fate is Fate.LOST:
            self._close(copy, Ending.LOST, "its instance went away")
        elif not self._may_requeue(copy.ticket):
            self._close(copy, Ending.LOST, "its instance went away, and it is not delivered more often")
        else:
            delay_seconds = self._switches.redelivery_seconds if fate is Fate.REDELIVERED else 0.0
            self._requeue(copy.ticket, now + delay_seconds)
            self._remove(copy)

    def _may_requeue(self, ticket: Ticket) -> bool:
        return ticket.num_enqueued < self._switches.max_deliveries

    def _double(self, ticket: Ticket, now: float) -> None:
        if not ticket.is_doubled and self._may_requeue(ticket):
            ticket.is_doubled = True
            self._requeue(ticket, now + self._switches.redelivery_seconds)

    def _requeue(self, ticket: Ticket, ready_seconds: float) -> None:
        self._enqueue(ticket, ready_seconds)
        self._moves.requeued.append(Requeued(ticket.invocation, ticket.num_deliveries, ready_seconds))

    def _enqueue(self, ticket: Ticket, ready_seconds: float | None) -> Copy:
        copy = Copy(ticket, Standing.WAITING if ready_seconds is None else Standing.DELAYED)
        ticket.num_copies += 1
        ticket.num_enqueued += 1
        self._count[copy.standing] += 1
        if ready_seconds is None:
            self._ready.put(ticket.order, copy)
        else:
            self._delays.put(ready_seconds, copy)
        self._queued.put(ticket.order, copy)
        self._expiries.put(ticket.invocation.expires_seconds, copy)
        return copy

    def _settle(self, copy: Copy, delivery: Delivery) -> None:
        self._stand(copy, Standing.SETTLED)
        self._pool.settle(delivery)

    def _stand(self, copy: Copy, standing: Standing) -> None:
        self._count[copy.standing] -= 1
        copy.standing = standing
        self._count[standing] += 1

    def _close(self, copy: Copy, ending: Ending, detail: str) -> None:
        copy.ticket.note(ending, detail)
        self._remove(copy)
        ticket = copy.ticket
        if ticket.num_copies == 0:
            assert ticket.ending is not None
            self._moves.ended.append(
                Ended(ticket.invocation, ticket.ending, ticket.num_deliveries, ticket.detail)
            )

    def _remove(self, copy: Copy) -> None:
        self._count[copy.standing] -= 1
        copy.standing = Standing.CLOSED
        copy.ticket.num_copies -= 1
        if copy.delivery is not None:
            self._copies.pop(copy.delivery, None)
            self._pool.release(copy.delivery)
