"""Documents in flight and who waits for each: found by number, by client, and by deadline."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from quire.engine.documents import DocumentInFlight
from quire.engine.messages import Progress
from quire.engine.progress_log import log_progress
from quire.engine.watchers import Client


@dataclass(eq=False)
class Order:
    """A document and who waits for it."""

    document: DocumentInFlight
    client: Client

    def tell_progress(self, now: float) -> None:
        """After a page that was not the last: the client, and now and then the log."""
        document = self.document
        self.client.send(Progress(pages_done=document.pages_done, pages_total=document.pages_total))
        log_progress(document, now)


class Orders:
    """A mapping by document number, in order of arrival."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._by_client: dict[Client, dict[int, Order]] = {}
        self._deadlines: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._orders)

    def __getitem__(self, number: int) -> Order:
        return self._orders[number]

    def values(self) -> Iterator[Order]:
        return iter(tuple(self._orders.values()))

    def of_client(self, client: Client) -> Iterator[Order]:
        return iter(tuple(self._by_client.get(client, {}).values()))

    def add(self, order: Order) -> None:
        document = order.document
        self._orders[document.number] = order
        self._by_client.setdefault(order.client, {})[document.number] = order
        heapq.heappush(self._deadlines, (document.deadline, document.number))

    def remove(self, number: int) -> Order:
        order = self._orders.pop(number)
        of_client = self._by_client[order.client]
        del of_client[number]
        if not of_client:
            del self._by_client[order.client]
        return order

    @property
    def next_deadline(self) -> float | None:
        """The deadline of one that has ended stays in the heap until it comes to the top."""
        while self._deadlines and self._deadlines[0][1] not in self._orders:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def overdue(self, now: float) -> Iterator[Order]:
        """Whoever takes one must remove it before asking for the next."""
        while (deadline := self.next_deadline) is not None and deadline <= now:
            yield self._orders[self._deadlines[0][1]]
