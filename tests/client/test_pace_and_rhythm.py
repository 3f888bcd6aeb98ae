"""How many may wait, when is looked: both without any endpoint."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.client.pace import Pace
from quire_endpoint.client.rhythm import MOST_SECONDS, Rhythm

TTL = 21600.0


def test_first_documents_go_before_anything_is_known() -> None:
    pace = Pace(TTL, 4, now=1000.0)
    assert pace.allowed(1000.0) == pace.allowed(5000.0) == 4


def test_backlog_is_what_completes_in_a_quarter_of_the_ttl() -> None:
    pace = Pace(TTL, 4, now=0.0)
    for number in range(1, 6001):
        pace.completed(0.0, float(number), float(number))
        assert pace.allowed(float(number)) <= 5400
    assert pace.allowed(6000.0) == 5400


def test_cold_start_and_slow_documents_make_it_small() -> None:
    pace = Pace(600.0, 4, now=0.0)
    pace.completed(0.0, 400.0, 400.0)
    assert pace.allowed(400.0) == 1


def test_endpoint_that_becomes_slower_is_given_less() -> None:
    pace = Pace(TTL, 4, now=0.0)
    for number in range(5400):
        pace.completed(0.0, float(number), float(number))
    for number in range(54):
        pace.completed(0.0, 5400.0 + 100 * number, 10800.0)
    assert pace.allowed(10800.0) < 60


def test_what_completed_before_the_run_counts_for_nothing() -> None:
    """A client that was dead for an hour finds thousands of answers at once."""
    pace = Pace(TTL, 4, now=10_000.0)
    for number in range(3000):
        pace.completed(6000.0, 7000.0 + number, 10_000.0)
        pace.completed(6000.0, None, 10_000.0)
    assert pace.allowed(10_010.0) == 4


@given(st.integers(1, 64), st.floats(1.0, 3600.0), st.floats(0.0, 1.0))
def test_documents_that_end_together_just_after_it_began_do_not_make_it_large(
    num_lanes: int, service_seconds: float, share: float
) -> None:
    """A run that goes on with what an earlier one left meets the first of them at any moment."""
    pace = Pace(TTL, 4, now=0.0)
    for round_ in range(20):
        now = (share + round_) * service_seconds
        for _ in range(num_lanes):
            pace.completed(-1.0, now, now)
        assert pace.allowed(now) <= 4 + 2 * TTL / 4 * num_lanes / service_seconds


def test_what_bears_no_date_counts_when_it_is_noticed() -> None:
    """An answer that the caller may not read is told of by a notification alone."""
    pace = Pace(TTL, 4, now=0.0)
    for number in range(1, 3601):
        pace.completed(float(number) - 1, None, float(number))
    assert pace.allowed(3600.0) == 5400


@given(st.floats(0, 86400))
def test_answer_is_noticed_within_a_tenth_of_its_time(age: float) -> None:
    wait = Rhythm(is_told=False).next(0.0, age, num_ahead=0) - age
    assert 1.0 - 1e-6 <= wait <= max(1.0, min(MOST_SECONDS, age / 10)) + 1e-6


def test_what_others_are_ahead_of_is_looked_at_less() -> None:
    rhythm = Rhythm(is_told=False)
    assert rhythm.next(0.0, 50.0, num_ahead=4000) == 55.0
    for second in range(100, 200):
        rhythm.completed(second - 1.0, float(second))
    assert rhythm.next(0.0, 50.0, num_ahead=4000) == 75.0
    assert rhythm.next(0.0, 5000.0, num_ahead=4000) == 7500.0
    assert rhythm.next(0.0, 5000.0, num_ahead=100) == 5075.0
    assert rhythm.next(0.0, 50.0, num_ahead=2) == 55.0


def test_nothing_is_looked_at_much_sooner_than_answers_come() -> None:
    rhythm = Rhythm(is_told=False)
    rhythm.completed(0.0, 4000.0)
    assert rhythm.next(5000.0, 5000.0, num_ahead=0) == 8000.0
    for _ in range(40):
        rhythm.completed(0.0, 10.0)
    assert rhythm.next(5000.0, 5060.0, num_ahead=0) == 5066.0


def test_who_is_told_looks_rarely() -> None:
    rhythm = Rhythm(is_told=True)
    assert rhythm.next(0.0, 0.0, num_ahead=0) == 900.0
    assert rhythm.next(0.0, 900.0, num_ahead=9) == 1800.0
