"""Durations that no thread can wait for are refused where they are asked for."""

from __future__ import annotations

import threading

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import MAX_FAULT_SECONDS, Fault, FaultKind
from quire_endpoint.local.switches import Switches

ENDLESS = ("inf", "nan", "1e10", "-inf")


@pytest.mark.parametrize("seconds", ENDLESS)
def test_a_fault_lasts_a_day_at_most(seconds: str) -> None:
    assert Fault(FaultKind.SLOW_UPLOAD, seconds=MAX_FAULT_SECONDS).seconds == 86400
    with pytest.raises(ValueError, match="a day"):
        Fault(FaultKind.SLOW_UPLOAD, seconds=float(seconds))
    with pytest.raises(ValueError, match="share"):
        Fault(FaultKind.SLOW_UPLOAD, share=float("nan"))


@pytest.mark.parametrize("seconds", (*ENDLESS, "0", "-1"))
@pytest.mark.parametrize("name", ["redelivery-seconds", "ping-interval-seconds"])
def test_a_switch_lasts_a_day_at_most(name: str, seconds: str) -> None:
    assert Switches.assume([f"{name}=86400"])
    with pytest.raises(ValueError, match=name):
        Switches.assume([f"{name}={seconds}"])


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_clock_runs_forwards(speed: float) -> None:
    with pytest.raises(ValueError, match="forwards"):
        Clock(speed)


@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_what_a_clock_says_to_wait_a_thread_can_wait(seconds: float) -> None:
    assert Clock(1e-6).wall_seconds(seconds) == threading.TIMEOUT_MAX


def test_the_pessimistic_answers_stand_where_nothing_is_asked() -> None:
    switches = Switches()
    assert switches.max_deliveries == 3 and not switches.is_slot_freed_on_time_out
    asked = Switches.assume(["max-deliveries=7", "is-slot-freed-on-time-out=true"])
    assert asked.max_deliveries == 7 and asked.is_slot_freed_on_time_out
