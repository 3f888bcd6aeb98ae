"""Counting arrivals: the reserve of threads, and what the peak tells."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import pytest

from quire.frontend.arrivals import KEPT_THREADS, Arrivals
from quire.words.errors import Overloaded


def test_the_last_thread_but_eight_is_taken_and_no_other() -> None:
    arrivals = Arrivals(max_threads=KEPT_THREADS + 2, expected=2)
    with arrivals.arrive(), arrivals.arrive(), pytest.raises(Overloaded), arrivals.arrive():
        pass
    with arrivals.arrive() as crowd:
        assert (crowd.in_flight, crowd.peak) == (1, 2)


def test_a_peak_over_the_setting_is_told_at_first_and_whenever_it_doubled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    arrivals = Arrivals(max_threads=100, expected=4)
    told = []
    with ExitStack() as stack:
        for number in range(1, 31):
            caplog.clear()
            stack.enter_context(arrivals.arrive())
            told += [number] * len(caplog.records)
    assert told == [5, 10, 20]
    caplog.clear()
    with arrivals.arrive():
        pass
    assert caplog.records == []


def test_a_peak_within_the_setting_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    arrivals = Arrivals(max_threads=100, expected=2)
    with arrivals.arrive(), arrivals.arrive():
        pass
    assert caplog.records == []
