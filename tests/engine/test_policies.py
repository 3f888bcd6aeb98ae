"""The two pure choices: whose page next, and which items next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from quire.engine.batch_policy import (
    STARVING_SECONDS,
    Batch,
    MaxItems,
    Service,
    Waiting,
    WaitingItems,
    next_batch,
)
from quire.engine.device_shares import DeviceShares
from quire.engine.port import Canvas

SMALL, LARGE = Canvas(48, 64), Canvas(48, 640)

UNSERVED = Service({}, 0.0)


def waiting(
    number: int,
    canvas: Canvas = SMALL,
    *,
    rank: int = 0,
    since: float = 0.0,
    owner: int = 1,
    deadline: float = 1.0,
) -> Waiting:
    return Waiting(number, f"lane{rank}", rank, canvas, since, owner, deadline)


def four(lane: str, canvas: Canvas) -> int:
    return 4


def chosen(
    items: Sequence[Waiting], max_items: MaxItems = four, service: Service = UNSERVED, now: float = 0.0
) -> Batch:
    batch = next_batch(queued(items), max_items, service, now)
    assert batch is not None
    return batch


def queued(items: Iterable[Waiting]) -> WaitingItems:
    queue = WaitingItems()
    for item in items:
        queue.add(item)
    return queue


def test_nothing_waits_means_no_batch() -> None:
    assert next_batch(WaitingItems(), four, UNSERVED, 0.0) is None


def test_what_was_taken_waits_no_more() -> None:
    items = [waiting(n, owner=n % 2) for n in range(3)]
    queue = queued(items)
    for item in items:
        assert queue.owners
        queue.remove(item)
    assert not queue
    assert not queue.owners


def test_a_batch_holds_one_lane_and_one_canvas_and_no_more_than_its_ceiling() -> None:
    items = [waiting(n, SMALL if n % 3 else LARGE, rank=n % 2) for n in range(40)]
    batch = chosen(items)
    assert len(batch.items) == 4
    assert batch.is_full
    assert {item.kind for item in batch.items} == {batch.kind}


def test_the_fuller_batch_goes_first() -> None:
    items = [waiting(0, LARGE), waiting(1, SMALL, since=1.0), waiting(2, SMALL, since=1.0)]
    batch = chosen(items, now=1.0)
    assert batch.canvas == SMALL
    assert not batch.is_full


def test_full_is_measured_by_what_the_canvas_may_hold() -> None:
    items = [waiting(0, LARGE), waiting(1, SMALL, since=1.0), waiting(2, SMALL, since=1.0)]
    assert chosen(items, lambda lane, canvas: 1 if canvas == LARGE else 4).canvas == LARGE


def test_of_equally_full_batches_the_later_lane_goes_first() -> None:
    assert chosen([waiting(0, rank=0), waiting(1, rank=1, since=1.0)], now=1.0).lane == "lane1"


def test_an_item_that_waited_too_long_goes_before_a_full_batch() -> None:
    full = [waiting(n, SMALL, since=STARVING_SECONDS) for n in range(1, 5)]
    assert chosen([waiting(0, LARGE), *full], now=STARVING_SECONDS).canvas == LARGE


def test_a_rare_canvas_is_not_starved_by_fuller_ones_that_are_late_too() -> None:
    rare = waiting(0, LARGE, since=0.0)
    common = [waiting(n, SMALL, since=1.0) for n in range(1, 100)]
    assert chosen([rare, *common], now=10 * STARVING_SECONDS).items == (rare,)


def test_oldest_items_of_an_owner_go_first() -> None:
    items = [waiting(n, since=float(n)) for n in (3, 4, 5, 6, 7, 8)]
    assert [item.number for item in chosen(items).items] == [3, 4, 5, 6]


def test_owners_take_turns_within_a_batch_and_stand_together() -> None:
    long = [waiting(n, owner=1) for n in range(10)]
    short = [waiting(n, owner=2, since=1.0) for n in range(10, 13)]
    assert [item.number for item in chosen([*long, *short]).items] == [0, 1, 10, 11]
    assert [item.number for item in chosen([*long, short[0]]).items] == [0, 1, 2, 10]


def test_the_least_served_owner_has_the_odd_place() -> None:
    items = [waiting(0, owner=1), waiting(1, owner=2), waiting(2, owner=3)]
    service = Service({1: 4.0, 2: 1.0, 3: 3.0}, typical_seconds=5.0)
    # The oldest item's owner has the first turn, since the batch is built round that item.
    assert {item.owner for item in chosen(items, lambda *_: 2, service).items} == {1, 2}


def test_the_earliest_deadline_has_the_odd_place_among_equals() -> None:
    items = [waiting(0, owner=1), waiting(1, owner=2, deadline=9.0), waiting(2, owner=3, deadline=8.0)]
    assert {item.owner for item in chosen(items, lambda *_: 2).items} == {1, 3}


def test_an_owner_who_lags_by_more_than_a_batch_goes_before_a_full_batch() -> None:
    full = [waiting(n, SMALL, owner=1) for n in range(8)]
    behind = [waiting(20, LARGE, owner=2), waiting(21, SMALL, rank=1, owner=2)]
    level = Service({1: 3.0, 2: 2.0}, typical_seconds=1.0)
    assert chosen([*full, *behind], service=level).items[0].owner == 1
    lagging = Service({1: 3.1, 2: 2.0}, typical_seconds=1.0)
    # Its later lane first: that is what ends its page.
    assert chosen([*full, *behind], service=lagging).items == (behind[1],)


def test_of_a_laggards_items_one_that_waited_too_long_goes_first() -> None:
    others = [waiting(n, SMALL, owner=1, since=STARVING_SECONDS) for n in range(8)]
    early = waiting(20, LARGE, owner=2)
    late = waiting(21, SMALL, rank=1, owner=2, since=STARVING_SECONDS)
    lagging = Service({1: 3.1, 2: 2.0}, typical_seconds=1.0)
    items = [early, *others, late]
    assert chosen(items, service=lagging, now=STARVING_SECONDS).items == (early,)


def test_a_batch_that_is_built_round_a_laggard_takes_others_along() -> None:
    full = [waiting(n, SMALL, owner=1) for n in range(8)]
    behind = waiting(20, SMALL, owner=2, since=1.0)
    batch = chosen([*full, behind], service=Service({1: 3.1, 2: 2.0}, typical_seconds=1.0))
    assert [item.number for item in batch.items] == [20, 0, 1, 2]


@dataclass
class Server:
    """Serves batches one after the other, each at a cost of one and a tenth for each item."""

    queue: WaitingItems = field(default_factory=WaitingItems)
    shares: DeviceShares = field(default_factory=DeviceShares)
    left: Counter[int] = field(default_factory=Counter)
    served: list[Batch] = field(default_factory=list)
    now: float = 0.0
    number: int = 0

    def come(self, owner: int, canvas: Canvas, rank: int) -> Waiting:
        self.number += 1
        item = waiting(self.number, canvas, rank=rank, owner=owner, since=self.now)
        self.shares.page_came(owner)
        self.queue.add(item)
        return item

    def serve(self) -> Batch | None:
        batch = next_batch(self.queue, four, self.shares.service, self.now)
        if batch is None:
            return None
        seconds = 1.0 + len(batch.items) / 10
        self.shares.charge(Counter(item.owner for item in batch.items), seconds)
        for item in batch.items:
            self.queue.remove(item)
            self.shares.page_left(item.owner)
        self.now += seconds
        self.served.append(batch)
        return batch


arrivals = st.lists(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([SMALL, LARGE]), st.integers(0, 1)), max_size=6),
    max_size=40,
)


@given(arrivals)
def test_every_item_is_served_once_in_batches_of_one_kind(
    rounds: list[list[tuple[int, Canvas, int]]],
) -> None:
    server = Server()
    for round in rounds:
        for owner, canvas, rank in round:
            server.come(owner, canvas, rank)
        was_waiting = bool(server.queue)
        assert (server.serve() is not None) == was_waiting
    while server.serve():
        pass
    assert all(1 <= len(batch.items) <= 4 for batch in server.served)
    assert all(item.kind == batch.kind for batch in server.served for item in batch.items)
    assert sorted(item.number for batch in server.served for item in batch.items) == [
        *range(1, server.number + 1)
    ]


@given(
    history=st.integers(0, 30),
    refills=st.lists(
        st.lists(st.tuples(st.sampled_from([SMALL, LARGE]), st.integers(0, 1)), max_size=3), min_size=12
    ),
    canvas=st.sampled_from([SMALL, LARGE, Canvas(48, 1280)]),
)
def test_one_item_is_served_within_three_batches_beside_an_owner_that_always_refills(
    history: int, refills: list[list[tuple[Canvas, int]]], canvas: Canvas
) -> None:
    server = Server()
    for number in range(40 + 4 * history):
        server.come(1, SMALL, number % 2)
    for _ in range(history):
        server.serve()
    lone = server.come(2, canvas, 0)
    for turn, refill in enumerate(refills):
        for other, rank in refill:
            server.come(1, other, rank)
        batch = server.serve()
        assert batch is not None
        if lone in batch.items:
            assert turn <= 3
            return
    raise AssertionError("the lone item was never served")


@given(st.integers(1, 60), st.lists(st.integers(0, 3), min_size=400, max_size=400))
def test_newcomers_without_end_hold_nobody_up_for_ever(had: int, gaps: list[int]) -> None:
    """An owner that had much stands behind one-item owners that come and go without a pause."""
    server = Server()
    for _ in range(had):
        server.come(1, SMALL, 0)
        server.come(2, LARGE, 0)
    while server.queue.owners == {1, 2}:
        server.serve()
    rare = server.come(1, Canvas(48, 1280), 0)
    began = server.now
    for owner, gap in enumerate(gaps, start=10):
        for extra in range(1 + gap):
            server.come(10 * owner + extra, SMALL, 1)
        batch = server.serve()
        assert batch is not None
        if rare in batch.items:
            assert server.now - began <= 4 * STARVING_SECONDS
            return
    raise AssertionError("the item starves")


def test_a_batch_formed_for_a_right_is_not_filled_up_at_its_owners_cost() -> None:
    items = [waiting(number, owner=1) for number in range(10)] + [waiting(99, owner=2)]
    service = Service({1: 9.0, 2: 0.0}, 1.0, is_any_long=True)
    batch = next_batch(
        queued(items), lambda lane, canvas: 16, service, 0.0, lambda kind, num_own: num_own + 2
    )
    assert batch is not None
    assert [item.owner for item in batch.items] == [2, 1, 1]


def test_where_no_document_is_long_a_batch_is_filled_up() -> None:
    items = [waiting(number, owner=1) for number in range(10)] + [waiting(99, owner=2)]
    service = Service({1: 9.0, 2: 0.0}, 1.0)
    batch = next_batch(queued(items), lambda lane, canvas: 16, service, 0.0, lambda kind, num_own: num_own)
    assert batch is not None
    assert len(batch.items) == 11
