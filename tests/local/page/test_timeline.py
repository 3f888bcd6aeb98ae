"""Stretches of an invocation, from its journal's entries."""

from __future__ import annotations

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.page.timeline import spans


def entries(*steps: tuple[Step, float, int]) -> list[Entry]:
    return [
        Entry("id", "endpoint", step, seconds, delivery, ending=Ending.LOST if step is Step.ENDED else None)
        for step, seconds, delivery in steps
    ]


def told(timeline: list[Entry]) -> list[tuple[str, float, float | None, int]]:
    return [(span.name, span.begin_seconds, span.end_seconds, span.delivery) for span in spans(timeline)]


ONCE = [
    (Step.RECEIVED, 0.0, 0),
    (Step.ASSIGNED, 1.0, 1),
    (Step.DOWNLOADED, 2.0, 1),
    (Step.RESPONDED, 5.0, 1),
    (Step.UPLOADED, 6.0, 1),
    (Step.NOTIFIED, 6.5, 1),
    (Step.ENDED, 6.5, 1),
]


def test_stretches_follow_one_another_without_gap() -> None:
    assert told(entries(*ONCE)) == [
        ("queued", 0.0, 1.0, 0),
        ("downloaded", 1.0, 2.0, 1),
        ("model", 2.0, 5.0, 1),
        ("uploaded", 5.0, 6.0, 1),
        ("notified", 6.0, 6.5, 1),
    ]


def test_where_nobody_is_told_there_is_no_such_stretch() -> None:
    assert told(entries(*ONCE[:5], ONCE[6]))[-1] == ("uploaded", 5.0, 6.0, 1)


def test_what_goes_on_has_no_end() -> None:
    assert told(entries(*ONCE[:3]))[-1] == ("model", 2.0, None, 1)


def test_one_that_is_delivered_again_stops_where_it_was_lost() -> None:
    again = [(Step.REQUEUED, 3.0, 1), (Step.ASSIGNED, 10.0, 2), (Step.DOWNLOADED, 11.0, 2)]
    assert told(entries(*ONCE[:3], *again)) == [
        ("queued", 0.0, 1.0, 0),
        ("downloaded", 1.0, 2.0, 1),
        ("model", 2.0, 3.0, 1),
        ("queued", 3.0, 10.0, 0),
        ("downloaded", 10.0, 11.0, 2),
        ("model", 11.0, None, 2),
    ]


def test_two_deliveries_at_once_stand_side_by_side() -> None:
    second = [(Step.REQUEUED, 3.0, 1), (Step.ASSIGNED, 3.5, 2), (Step.DOWNLOADED, 4.0, 2)]
    first_ends = [(Step.RESPONDED, 5.0, 1), (Step.UPLOADED, 6.0, 1), (Step.ENDED, 6.0, 1)]
    timeline = told(entries(*ONCE[:3], *second, *first_ends))
    assert ("model", 2.0, 5.0, 1) in timeline
    assert ("model", 4.0, 6.0, 2) in timeline


def test_nothing_goes_on_after_the_end() -> None:
    assert told(entries((Step.RECEIVED, 0.0, 0), (Step.ENDED, 9.0, 0))) == [("queued", 0.0, 9.0, 0)]
