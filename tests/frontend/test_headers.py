"""What the platform's headers say of an invocation, as far as it can be seen without its options."""

from __future__ import annotations

import pytest

from quire.frontend.headers import deadline_hint, reference_hint


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ("deadline_seconds=600", 600.0),
        ("ref=a; deadline_seconds = 1.5 ;colour=red", 1.5),
        ('{"mine": "deadline_seconds=5"}', None),
        ("my_deadline_seconds=5", None),
        ("deadline_seconds=0", None),
        ("deadline_seconds=3601", None),
        ("deadline_seconds=1.2.3", None),
        ("deadline_seconds=.", None),
        ("deadline_seconds=1e3", None),
        ("deadline_seconds=", None),
        ("", None),
    ],
)
def test_a_deadline_is_seen_among_whatever_a_handler_takes(attributes: str, seconds: float | None) -> None:
    assert deadline_hint(attributes) == seconds


def test_a_reference_is_seen_among_whatever_a_handler_takes() -> None:
    assert reference_hint("deadline_seconds=5;ref= mine ;x") == "mine"
    assert reference_hint("pref=mine") is None
