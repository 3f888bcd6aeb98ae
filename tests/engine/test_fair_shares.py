"""Whose turn it is, by cost; and what the next page is taken to cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.engine.fair_shares import FairShares, Line
from quire.engine.page_costs import PageCosts


def joined(*owners: int) -> tuple[FairShares, Line]:
    """All of them wait."""
    shares = FairShares()
    line = shares.line()
    for owner in owners:
        shares.join(owner)
        line.add(owner)
    return shares, line


def turns(shares: FairShares, line: Line, number: int, cost: float = 1.0) -> list[int]:
    """Who is served in so many turns."""
    served = []
    for _ in range(number):
        owner = line.first()
        assert owner is not None
        served.append(owner)
        shares.charge(owner, cost)
    return served


def test_a_newcomer_is_served_within_two_turns_of_a_long_document() -> None:
    shares, line = joined(1)
    assert set(turns(shares, line, 500)) == {1}
    shares.join(2)
    line.add(2)
    assert turns(shares, line, 4) == [2, 1, 2, 1]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=200))
def test_shares_never_drift_apart_by_more_than_one_page(arrivals: list[int]) -> None:
    shares, line = joined()
    served, level = dict[int, float](), 0.0
    for owner in arrivals:
        if owner not in served:
            shares.join(owner)
            line.add(owner)
            served[owner] = level
        chosen = line.first()
        assert chosen is not None
        level = max(level + 1.0 / (len(served) + 1), served[chosen])
        shares.charge(chosen, 1.0)
        served[chosen] += 1
        assert max(served.values()) - min(served.values()) <= 1


def test_a_newcomer_does_not_starve_a_long_document_beside_one_that_has_nothing_to_do() -> None:
    shares, line = joined(1, 2)
    line.discard(1)
    turns(shares, line, 1000)
    shares.join(3)
    line.add(3)
    assert set(turns(shares, line, 3)) == {2, 3}


def test_newcomers_without_end_do_not_stop_a_long_document() -> None:
    shares, line = joined(0)
    turns(shares, line, 5)
    served = []
    for newcomer in range(1, 200):
        shares.join(newcomer)
        line.add(newcomer)
        (owner,) = turns(shares, line, 1)
        served.append(owner)
        if owner:
            shares.leave(owner)
    assert served.count(0) >= 10


def test_who_wanted_nothing_for_a_while_is_not_owed_for_it() -> None:
    shares, line = joined(1, 2)
    line.discard(1)
    turns(shares, line, 1000)
    shares.resume(1)
    line.add(1)
    assert turns(shares, line, 20).count(1) <= 11


def test_turns_go_by_cost() -> None:
    shares, line = joined(1, 2)
    counts = {1: 0, 2: 0}
    for _ in range(400):
        owner = line.first()
        assert owner is not None
        counts[owner] += 1
        shares.charge(owner, 3.0 if owner == 1 else 1.0)
    assert counts[2] == pytest.approx(3 * counts[1], abs=4)


def test_what_was_charged_is_set_right() -> None:
    shares, line = joined(1, 2)
    shares.charge(1, 1.0)
    shares.charge(2, 1.0)
    shares.settle(1, 4.0)
    assert turns(shares, line, 5) == [2, 2, 2, 2, 1]
    shares.settle(1, -3.0)
    assert turns(shares, line, 2)[0] == 1


def test_two_lines_of_one_clock_keep_the_same_order() -> None:
    shares, line = joined(1, 2, 3)
    few = shares.line()
    few.add(2)
    few.add(3)
    shares.charge(1, 1.0)
    shares.charge(2, 5.0)
    assert (line.first(), few.first()) == (3, 3)
    shares.charge(3, 9.0)
    assert (line.first(), few.first()) == (1, 2)


def test_an_owner_that_left_is_never_chosen_nor_charged() -> None:
    shares, line = joined(1)
    shares.leave(1)
    shares.charge(1, 1.0)
    shares.settle(1, 1.0)
    shares.resume(1)
    assert line.first() is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "discard", "charge", "settle", "leave"]), st.integers(0, 9)),
        max_size=300,
    )
)
def test_a_line_is_what_sorting_would_make_of_it(steps: list[tuple[str, int]]) -> None:
    shares, line = joined()
    served, waiting, level = dict[int, float](), set[int](), 0.0
    for what, owner in steps:
        if owner not in served:
            shares.join(owner)
            served[owner] = level
        if what == "add":
            line.add(owner)
            waiting.add(owner)
        elif what == "discard":
            line.discard(owner)
            waiting.discard(owner)
        elif what == "charge":
            level = max(level + 2.0 / (len(served) + 1), served[owner])
            shares.charge(owner, 2.0)
            served[owner] += 2.0
        elif what == "settle":
            shares.settle(owner, -1.0)
            served[owner] -= 1.0
        else:
            shares.leave(owner)
            waiting.discard(owner)
            del served[owner]
        expected = min(waiting, key=lambda each: (served[each], each), default=None)
        assert line.first() == expected
        assert len(line) == len(waiting)


def test_a_page_costs_what_pages_of_its_document_did_else_what_all_did() -> None:
    costs = PageCosts()
    assert costs.estimate_ms(1) == 1.0
    for _ in range(50):
        costs.learn(1, 300.0)
        costs.learn(2, 100.0)
    assert costs.estimate_ms(1) == pytest.approx(300.0)
    assert costs.estimate_ms(3) == pytest.approx(200.0, abs=5.0)
    costs.forget(1)
    assert costs.estimate_ms(1) == costs.estimate_ms(3)


def test_pages_without_cost_still_count() -> None:
    costs = PageCosts()
    costs.learn(1, 0.0)
    assert costs.estimate_ms(1) > 0


def test_the_mean_follows_a_change() -> None:
    costs = PageCosts()
    for _ in range(1000):
        costs.learn(1, 10.0)
    for _ in range(300):
        costs.learn(1, 1000.0)
    assert costs.estimate_ms(1) > 900
