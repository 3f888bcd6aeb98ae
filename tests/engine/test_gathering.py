"""When a batch is formed: late, and after a little wait where that pays."""

from __future__ import annotations

import math

import pytest

from quire.engine.gathering import LONGEST_WAIT_SECONDS, Gathering, Outlook

AT_ONCE, AFTER_AN_EVENT = -math.inf, math.inf


def outlook(
    *,
    is_full: bool = False,
    may_gather: bool = True,
    oldest_since: float = 10.0,
    fixed_seconds: float = 0.08,
    pre_seconds: float = 0.0,
    busy_until: float | None = None,
) -> Outlook:
    return Outlook(is_full, may_gather, oldest_since, fixed_seconds, pre_seconds, busy_until)


def idle_with_page(num_coming: int, num_here: int = 1) -> Gathering:
    """Four pages were here once; now `num_here` are, the last of which came at 10.0."""
    gathering = Gathering()
    gathering.page_came(4, 0, 1.0)
    gathering.device_is_idle(5.0)
    gathering.page_came(num_here, num_coming, 10.0)
    return gathering


def closed_loop(delay: float, bursts: int = 10) -> Gathering:
    """Each answer brought a page, `delay` seconds later; the last answer was given at 10.0."""
    gathering = Gathering()
    for burst in range(bursts):
        gathering.page_answered(float(burst))
        gathering.page_came(4, 0, burst + delay)
    gathering.page_answered(10.0)
    gathering.device_is_idle(10.0)
    return gathering


def test_a_page_waits_for_no_more_than_a_quiet_gap_when_nothing_is_known_to_come() -> None:
    assert idle_with_page(0).due_at(outlook()) == pytest.approx(10.008)
    assert idle_with_page(0).due_at(outlook(fixed_seconds=5.0)) == pytest.approx(10.010)


def test_pages_on_their_way_are_waited_for_as_long_as_half_of_a_second_batch_costs() -> None:
    assert idle_with_page(3).due_at(outlook()) == pytest.approx(10.040)
    assert idle_with_page(3).due_at(outlook(fixed_seconds=5.0)) == pytest.approx(10.0 + LONGEST_WAIT_SECONDS)


def test_each_arrival_prolongs_the_wait_but_not_for_ever() -> None:
    gathering = idle_with_page(3)
    gathering.page_came(2, 2, 10.035)
    assert gathering.due_at(outlook()) == pytest.approx(10.040)
    gathering = idle_with_page(0)
    gathering.page_came(2, 0, 10.005)
    assert gathering.due_at(outlook()) == pytest.approx(10.013)


def test_when_as_many_are_here_as_usual_nobody_waits() -> None:
    assert idle_with_page(0, num_here=4).due_at(outlook()) <= 10.0
    assert idle_with_page(1, num_here=4).due_at(outlook()) > 10.0


def test_the_usual_company_shrinks_with_those_who_stay_away() -> None:
    gathering = idle_with_page(0, num_here=4)
    for answer in range(1, 10):
        gathering.page_answered(10.0 + answer)
        gathering.page_came(3, 0, 10.001 + answer)
    assert gathering.due_at(outlook(oldest_since=19.0)) <= 19.001


@pytest.mark.parametrize(
    "batch",
    [
        outlook(is_full=True),
        outlook(fixed_seconds=0.0),
        outlook(may_gather=False),
        outlook(busy_until=-math.inf),
    ],
    ids=["full", "nothing to be saved", "later lanes have work", "nothing known"],
)
def test_there_is_nothing_to_wait_for(batch: Outlook) -> None:
    assert idle_with_page(3).due_at(batch) <= 10.0


@pytest.mark.parametrize("is_full", [False, True])
def test_the_batch_behind_is_formed_when_there_is_just_time_to_lay_it_out(is_full: bool) -> None:
    due_at = Gathering().due_at(outlook(busy_until=20.0, pre_seconds=0.5, is_full=is_full))
    assert 19.4 < due_at < 19.5


def test_where_answers_bring_pages_a_batch_waits_for_them() -> None:
    gathering = closed_loop(delay=0.010)
    assert gathering.due_at(outlook(oldest_since=9.95)) == pytest.approx(10.040)
    assert gathering.due_at(outlook(busy_until=20.0)) == AFTER_AN_EVENT


@pytest.mark.parametrize(
    ("gathering", "batch"),
    [
        (closed_loop(delay=0.5), outlook(busy_until=20.0)),
        (closed_loop(delay=0.010), outlook(busy_until=20.0, fixed_seconds=0.01)),
        (closed_loop(delay=0.010), outlook(busy_until=20.0, pre_seconds=0.2)),
        (closed_loop(delay=0.010), outlook(busy_until=20.0, may_gather=False)),
        (Gathering(), outlook(busy_until=20.0)),
    ],
    ids=[
        "they come late",
        "less is saved",
        "laying out takes longer",
        "later lanes have work",
        "no answer yet",
    ],
)
def test_else_the_device_is_kept_busy(gathering: Gathering, batch: Outlook) -> None:
    assert 19.0 < gathering.due_at(batch) < 20.0


def test_answers_that_bring_nothing_more_are_soon_not_waited_for() -> None:
    gathering = closed_loop(delay=0.010)
    for burst in range(11, 16):
        gathering.page_answered(float(burst))
    gathering.device_is_idle(15.0)
    assert gathering.due_at(outlook(oldest_since=14.0)) <= 15.0


def test_an_outlook_without_company_waits_for_none() -> None:
    assert outlook(may_gather=False).longest_wait == 0.0
