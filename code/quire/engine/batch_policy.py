"""Which items go over the device next. One pure policy for every lane."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from quire.engine.port import Canvas

STARVING_SECONDS = 5.0

Kind = tuple[str, Canvas]
"""What the items of one batch have in common."""

MaxItems = Callable[[str, Canvas], int]

Company = Callable[[Kind, int], int]
"""How many items a batch may hold that was formed for an owner's right, with so many items of its own."""


@dataclass(frozen=True)
class Waiting:
    """An item that waits. `number` names it; `rank` is its lane's place in the model, later is higher;
    `owner` is the number of its document, `deadline` that document's. `is_step`: its lane is Stepwise."""

    number: int
    lane: str
    rank: int
    canvas: Canvas
    since: float
    owner: int
    deadline: float
    is_step: bool = False

    @property
    def kind(self) -> Kind:
        return (self.lane, self.canvas)


@dataclass(frozen=True)
class Batch:
    """Items of one lane on one canvas; those of one owner stand together."""

    lane: str
    canvas: Canvas
    items: tuple[Waiting, ...]
    is_full: bool

    @property
    def kind(self) -> Kind:
        return (self.lane, self.canvas)


@dataclass(frozen=True)
class Service:
    """What owners have had of the device, in seconds. One that lags the best served by more than a
    batch's `typical_seconds` has a right to be next. `is_any_long`: one has had more than a page's worth."""

    seconds: Mapping[int, float]
    typical_seconds: float
    is_any_long: bool = False


class WaitingItems:
    """The items that wait, by kind and owner, each owner's in the order in which they came."""

    def __init__(self) -> None:
        self._queues: dict[Kind, dict[int, dict[int, Waiting]]] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    @property
    def kinds(self) -> Iterable[Kind]:
        return self._queues.keys()

    @property
    def owners(self) -> set[int]:
        return {owner for queues in self._queues.values() for owner in queues}

    def add(self, item: Waiting) -> None:
        """No item may be older than one that came before it."""
        self._queues.setdefault(item.kind, {}).setdefault(item.owner, {})[item.number] = item

    def remove(self, item: Waiting) -> None:
        queues = self._queues[item.kind]
        del queues[item.owner][item.number]
        if not queues[item.owner]:
            del queues[item.owner]
        if not queues:
            del self._queues[item.kind]

    def count(self, kind: Kind) -> int:
        return sum(len(queue) for queue in self._queues[kind].values())

    def heads(self, kind: Kind) -> list[Waiting]:
        """The oldest item of each owner."""
        return [next(iter(queue.values())) for queue in self._queues[kind].values()]

    def of_owner(self, kind: Kind, owner: int) -> Iterator[Waiting]:
        return iter(self._queues[kind].get(owner, {}).values())


def next_batch(
    waiting: WaitingItems, max_items: MaxItems, service: Service, now: float, company: Company | None = None
) -> Batch | None:
    """What goes next, or None where nothing waits.

    An owner who lags the others in service comes first, and where a long document is here others' items
    only fill its batch up as far as `company` allows; else an item that has waited STARVING_SECONDS; else
    the fullest batch, of equals the later lane, whose end frees a page sooner, then the older. Steps come
    behind all that: what goes before them brings more pages to the next step.
    """
    if not waiting:
        return None
    lagging = _lagging(waiting, service, now)
    lead = lagging or _starving(waiting, now) or _fullest(waiting, max_items)
    most = max_items(*lead.kind)
    if lagging and company and service.is_any_long:
        most = min(most, company(lead.kind, sum(1 for _ in waiting.of_owner(lead.kind, lead.owner))))
    chosen = _shared_out(waiting, lead, most, service)
    return Batch(lead.lane, lead.canvas, chosen, is_full=len(chosen) >= most)


def _heads(waiting: WaitingItems) -> Iterator[Waiting]:
    return (head for kind in waiting.kinds for head in waiting.heads(kind))


def _lagging(waiting: WaitingItems, service: Service, now: float) -> Waiting | None:
    """The item that the worst served owner's batch is built round, where it lags by more than a batch."""
    owners = waiting.owners
    if len(owners) < 2:
        return None
    had = {owner: service.seconds.get(owner, 0.0) for owner in owners}
    least = min(had.values())
    if max(had.values()) - least <= service.typical_seconds:
        return None
    heads = [head for head in _heads(waiting) if had[head.owner] == least]
    starving = [head for head in heads if now - head.since >= STARVING_SECONDS]
    if starving:
        return min(starving, key=_age)
    return min(heads, key=lambda head: (-head.rank, head.since, head.deadline, head.number))


def _starving(waiting: WaitingItems, now: float) -> Waiting | None:
    starving = (head for head in _heads(waiting) if now - head.since >= STARVING_SECONDS)
    return min(starving, key=_age, default=None)


def _fullest(waiting: WaitingItems, max_items: MaxItems) -> Waiting:
    def fill(kind: Kind) -> float:
        return min(1.0, waiting.count(kind) / max_items(*kind))

    def order(item: Waiting) -> tuple[bool, float, int, float, int]:
        return (item.is_step, -fill(item.kind), -item.rank, *_age(item))

    return min((min(waiting.heads(kind), key=_age) for kind in waiting.kinds), key=order)


def _age(item: Waiting) -> tuple[float, int]:
    return (item.since, item.number)


def _shared_out(waiting: WaitingItems, lead: Waiting, most: int, service: Service) -> tuple[Waiting, ...]:
    """Owners take turns, the least served first and of equals the one with the earliest deadline; the
    lead's own has the first turn. Each owner's oldest go first."""
    heads = {head.owner: head for head in waiting.heads(lead.kind)}

    def turn(owner: int) -> tuple[bool, float, float, float, int]:
        head = heads[owner]
        return (owner != lead.owner, service.seconds.get(owner, 0.0), head.deadline, *_age(head))

    shares = _equal_shares(
        {owner: sum(1 for _ in waiting.of_owner(lead.kind, owner)) for owner in sorted(heads, key=turn)}, most
    )
    return tuple(
        item for owner, share in shares.items() for item in islice(waiting.of_owner(lead.kind, owner), share)
    )


def _equal_shares(wanted: Mapping[int, int], most: int) -> dict[int, int]:
    """How many each owner gets of `most` when they take turns, in their order, while they want more."""
    shares: defaultdict[int, int] = defaultdict(int)
    left = most
    while left and (hungry := [owner for owner in wanted if shares[owner] < wanted[owner]]):
        for owner in hungry[:left]:
            shares[owner] += 1
        left -= min(left, len(hungry))
    return dict(shares)
