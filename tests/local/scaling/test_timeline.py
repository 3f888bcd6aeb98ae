"""0 → 1 → 3 → 0 under AWS's own two policies, minute by minute, against a timeline worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire_endpoint.local.scaling.alarms import AlarmState
from quire_endpoint.local.scaling.policies import Policy, ScalableTarget
from quire_endpoint.local.switches import Switches
from tests.fakes.scaling_in_memory import BoardInMemory
from tests.local.scaling.aws_policies import TARGET, TRACKING, WAKING, WAKING_ALARM
from tests.local.scaling.simulated_endpoint import BEGAN, SimulatedEndpoint

PROMPT = Switches(are_metrics_late=False)


def board(*policies: Policy, target: ScalableTarget = TARGET) -> BoardInMemory:
    return BoardInMemory([target], list(policies), {WAKING_ALARM.name: WAKING_ALARM})


def aws_board() -> BoardInMemory:
    return board(TRACKING, WAKING)


def test_an_idle_instance_goes_when_fifteen_datapoints_have_been_low() -> None:
    endpoint = SimulatedEndpoint(aws_board(), PROMPT, desired=1)
    endpoint.run(20)
    assert endpoint.changes == [(15, 1, 0)]


def test_metrics_that_alarms_see_late_put_it_off_by_a_minute() -> None:
    endpoint = SimulatedEndpoint(aws_board(), desired=1)
    endpoint.run(20)
    assert endpoint.changes == [(16, 1, 0)]


def test_from_none_to_one_to_three_and_back() -> None:
    """Forty jobs of two minutes come at minute 0. Minutes 0 and 1 have a backlog without capacity, and are
    seen at 3. The instance asked for then works from 7: minutes 6, whose end it sees, 7 and 8 are above the
    target, and are seen at 10. ⌈1 × 39 / 5⌉ instances would be right; the three allowed work from 14. Once
    fewer than 13.5 wait, fifteen minutes and one must pass."""
    endpoint = SimulatedEndpoint(aws_board())
    endpoint.submit(40, seconds=120)
    endpoint.run(60)
    waking, growing, leaving = endpoint.changes
    assert (waking, growing) == ((3, 0, 1), (10, 1, 3))
    first_low = next(minute for minute in range(14, 60) if _backlog_per_instance(endpoint, minute) < 0.9 * 5)
    assert leaving == (first_low + 16, 3, 0)
    assert not any(job.is_lost for job in endpoint.jobs)
    assert all(job.ends for job in endpoint.jobs)


def _backlog_per_instance(endpoint: SimulatedEndpoint, minute: int) -> float:
    return endpoint.board.data["ApproximateBacklogSizePerInstance", BEGAN + minute * 60]


@pytest.mark.parametrize("period_seconds", [10, 30])
def test_an_alarm_of_less_than_a_minute_wakes_it_by_the_minutes_datapoint(period_seconds: int) -> None:
    rule = replace(
        WAKING_ALARM.rule, period_seconds=period_seconds, evaluation_periods=1, datapoints_to_alarm=1
    )
    alarms = {WAKING_ALARM.name: replace(WAKING_ALARM, rule=rule)}
    endpoint = SimulatedEndpoint(BoardInMemory([TARGET], [WAKING], alarms), PROMPT)
    endpoint.submit(1, seconds=60)
    endpoint.run(10)
    assert endpoint.changes == [(1, 0, 1)]


def test_target_tracking_alone_leaves_a_waiting_job_waiting() -> None:
    endpoint = SimulatedEndpoint(board(TRACKING))
    endpoint.submit(4, seconds=60)
    endpoint.run(6 * 60)
    assert not endpoint.changes
    assert endpoint.board.states() == {
        "AlarmHigh": AlarmState.INSUFFICIENT_DATA,
        "AlarmLow": AlarmState.INSUFFICIENT_DATA,
        "HasBacklog": AlarmState.ALARM,
    }


@pytest.mark.parametrize("is_counted", [False, True])
def test_a_job_longer_than_the_cooldown_is_lost_unless_jobs_in_flight_count(is_counted: bool) -> None:
    endpoint = SimulatedEndpoint(aws_board(), Switches(is_in_flight_in_backlog=is_counted))
    endpoint.submit(1, seconds=30 * 60)
    endpoint.run(90)
    [job] = endpoint.jobs
    assert job.is_lost is not is_counted
    assert job.ends == (3 + 4 + 30) * 60
    begun, ended = 7, 37
    last = ended + 1 if is_counted else begun + 15
    assert endpoint.changes == [(3, 0, 1), (last, 1, 0)]


def test_a_long_job_survives_where_scaling_in_is_disabled() -> None:
    endpoint = SimulatedEndpoint(board(replace(TRACKING, is_scale_in_disabled=True), WAKING))
    endpoint.submit(1, seconds=30 * 60)
    endpoint.run(90)
    assert endpoint.changes == [(3, 0, 1)]
    assert "AlarmLow" not in endpoint.board.states()


def test_scaling_in_gradually_takes_a_cooldown_for_each_instance() -> None:
    endpoint = SimulatedEndpoint(aws_board(), Switches(is_scale_in_gradual=True), desired=3)
    endpoint.run(40)
    assert endpoint.changes == [(16, 3, 2), (22, 2, 1), (28, 1, 0)]


def test_who_is_woken_within_a_quarter_of_an_hour_goes_with_the_first_low_datapoint() -> None:
    """The low alarm has stayed on since the last instance went: CloudWatch goes on judging the datapoints
    from before, and calls the oldest old enough for as long as one is in the alarm's range."""
    endpoint = SimulatedEndpoint(aws_board(), desired=1)
    endpoint.run(17)
    endpoint.submit(1, seconds=30 * 60)
    endpoint.run(5)
    assert endpoint.board.states()["AlarmLow"] is AlarmState.ALARM
    endpoint.run(10)
    assert endpoint.changes == [(16, 1, 0), (20, 0, 1), (26, 1, 0)]
    assert endpoint.jobs[0].is_lost


def test_a_metric_that_has_stopped_scales_nothing_though_its_alarm_is_still_on() -> None:
    endpoint = SimulatedEndpoint(aws_board(), desired=1)
    endpoint.run(15)
    endpoint.board.data.pop(("ApproximateBacklogSizePerInstance", BEGAN + 14 * 60))
    endpoint.board.data["ApproximateBacklogSizePerInstance", BEGAN - 60] = 0.0
    endpoint.run(1)
    assert endpoint.board.states()["AlarmLow"] is AlarmState.ALARM
    assert not endpoint.changes
    endpoint.run(1)
    assert endpoint.changes == [(17, 1, 0)]


def test_bounds_are_enforced_without_any_policy() -> None:
    endpoint = SimulatedEndpoint(board(target=replace(TARGET, min_capacity=2)))
    endpoint.run(10)
    assert endpoint.changes == [(1, 0, 2)]
    endpoint.board.scalable[:] = [replace(TARGET, max_capacity=1)]
    endpoint.run(10)
    assert endpoint.changes == [(1, 0, 2), (11, 2, 1)]


ARRIVALS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 40), st.integers(1, 900)), max_size=4)


@settings(max_examples=25, deadline=None)
@given(ARRIVALS, st.integers(0, 3), st.integers(30, 400), st.booleans())
def test_whatever_comes_counts_stay_in_bounds_and_all_ends_at_none(
    arrivals: list[tuple[int, int, int]], desired: int, provision_seconds: int, is_late: bool
) -> None:
    switches = Switches(are_metrics_late=is_late, is_in_flight_in_backlog=True)
    endpoint = SimulatedEndpoint(aws_board(), switches, provision_seconds, desired=desired)
    for minutes, number, seconds in arrivals:
        endpoint.run(minutes)
        endpoint.submit(number, seconds)
    for _ in range(40):
        endpoint.run(30)
        if not endpoint.desired and not endpoint.queue:
            break
    assert not endpoint.desired
    assert not endpoint.queue
    assert all(0 <= after <= 3 and after != before for _, before, after in endpoint.changes)
    assert all(after > before for _, before, after in endpoint.changes if not before)
