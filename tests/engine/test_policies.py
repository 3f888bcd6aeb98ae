"""The two pure choices: whose page next, and which items next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quire.engine.batch_policy import STARVING_SECONDS, Waiting, next_batch
from quire.engine.fair_shares import FairShares
from quire.engine.port import Canvas

SMALL, LARGE = Canvas(48, 64), Canvas(48, 640)


def waiting(number: int, canvas: Canvas = SMALL, *, rank: int = 0, since: float = 0.0) -> Waiting:
    return Waiting(number, f"lane{rank}", rank, canvas, since=since)


def four(lane: str, canvas: Canvas) -> int:
    return 4


def test_nothing_waits_means_no_batch() -> None:
    assert next_batch([], four, 0.0) is None


def test_a_batch_holds_one_lane_and_one_canvas_and_no_more_than_its_ceiling() -> None:
    items = [waiting(n, SMALL if n % 3 else LARGE, rank=n % 2) for n in range(40)]
    batch = next_batch(items, four, 0.0)
    assert batch is not None
    assert len(batch.items) == 4
    assert {(item.lane, item.canvas) for item in batch.items} == {(batch.lane, batch.canvas)}


def test_the_fuller_batch_goes_first() -> None:
    items = [waiting(0, LARGE), waiting(1, SMALL, since=1.0), waiting(2, SMALL, since=1.0)]
    batch = next_batch(items, four, 1.0)
    assert batch is not None
    assert batch.canvas == SMALL


def test_of_equally_full_batches_the_later_lane_goes_first() -> None:
    batch = next_batch([waiting(0, rank=0), waiting(1, rank=1, since=1.0)], four, 1.0)
    assert batch is not None
    assert batch.lane == "lane1"


def test_an_item_that_waited_too_long_goes_before_a_full_batch() -> None:
    full = [waiting(n, SMALL, since=STARVING_SECONDS) for n in range(1, 5)]
    batch = next_batch([waiting(0, LARGE), *full], four, STARVING_SECONDS)
    assert batch is not None
    assert batch.canvas == LARGE


def test_oldest_items_go_first_within_a_batch() -> None:
    items = [waiting(n, since=float(-n)) for n in range(9)]
    batch = next_batch(items, four, 0.0)
    assert batch is not None
    assert [item.number for item in batch.items] == [8, 7, 6, 5]


def test_a_newcomer_is_served_within_two_turns_of_a_long_document() -> None:
    shares = FairShares()
    shares.join(1)
    for _ in range(500):
        assert shares.next([1]) == 1
        shares.charge(1, 1.0)
    shares.join(2)
    turns = []
    for _ in range(4):
        owner = shares.next([1, 2])
        assert owner is not None
        turns.append(owner)
        shares.charge(owner, 1.0)
    assert turns == [2, 1, 2, 1]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=200))
def test_shares_never_drift_apart_by_more_than_one_page(arrivals: list[int]) -> None:
    shares, served, level = FairShares(), dict[int, int](), 0
    for owner in arrivals:
        if owner not in served:
            shares.join(owner)
            served[owner] = level
        chosen = shares.next(served)
        assert chosen is not None
        level = served[chosen]
        shares.charge(chosen, 1.0)
        served[chosen] += 1
        assert max(served.values()) - min(served.values()) <= 1


def test_a_newcomer_does_not_starve_a_long_document_beside_one_that_has_nothing_to_do() -> None:
    shares = FairShares()
    shares.join(1)
    shares.join(2)
    for _ in range(1000):
        shares.next([2])
        shares.charge(2, 1.0)
    shares.join(3)
    turns = [shares.next([2, 3])]
    shares.charge(3, 1.0)
    turns.append(shares.next([2, 3]))
    assert sorted(turn for turn in turns if turn) in ([2, 3], [3, 3])
    shares.charge(3, 1.0)
    assert shares.next([2, 3]) == 2


def test_a_rare_canvas_is_not_starved_by_fuller_ones_that_are_late_too() -> None:
    rare = waiting(0, LARGE, since=0.0)
    common = [waiting(n, SMALL, since=1.0) for n in range(1, 100)]
    batch = next_batch([rare, *common], four, 10 * STARVING_SECONDS)
    assert batch is not None
    assert batch.items == (rare,)


def test_an_owner_that_left_is_never_chosen_nor_charged() -> None:
    shares = FairShares()
    shares.join(1)
    shares.leave(1)
    shares.charge(1, 1.0)
    assert shares.next([]) is None
