"""What a request's options change of its surroundings."""

from __future__ import annotations

from pathlib import Path

from quire.handlers.context import RequestContext, when_later
from quire.words.request import ReadOptions
from quire.words.settings import Settings


def context(deadline: float, heard: list[float]) -> RequestContext:
    """Of a request that came at 1000."""
    return RequestContext(
        Settings.from_environ({}), Path("/"), 1000.0, deadline, on_deadline=when_later(deadline, heard.append)
    )


def test_only_later_deadlines_are_heard_of_and_all_hold() -> None:
    heard: list[float] = []
    request = context(1100.0, heard)
    deadlines = [
        request.with_options(ReadOptions(deadline_seconds=seconds)).deadline
        for seconds in (None, 50.0, 300.0, 200.0, 300.0, 301.0)
    ]
    assert deadlines == [1100.0, 1050.0, 1300.0, 1200.0, 1300.0, 1301.0]
    assert heard == [1300.0, 1301.0]


def test_a_reference_that_utf8_cannot_write_is_escaped() -> None:
    request = context(1100.0, [])
    request.with_options(ReadOptions(reference="r\ud800"))
    assert request.reference == "r\\ud800"
