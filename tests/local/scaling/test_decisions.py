"""One target's decisions: steps, proportions, cooldowns, several policies at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.local.scaling.alarms import Alarm, Comparison, Rule
from quire_endpoint.local.scaling.capacities import stepped_capacity, tracked_capacity
from quire_endpoint.local.scaling.decisions import Capacity, Decider, Firing
from quire_endpoint.local.scaling.policies import Adjustment, Policy, ScalableTarget, Step, StepPolicy
from quire_endpoint.local.scaling.tracking_alarms import alarms_of
from tests.local.scaling.aws_policies import TARGET, TRACKING, WAKING, arn_of, of_endpoint

WIDE = replace(TARGET, max_capacity=100)
HIGH, LOW = alarms_of(TRACKING)
OTHER = replace(TRACKING, name="other", arn=arn_of("other"))
OTHER_HIGH, OTHER_LOW = alarms_of(OTHER)
STEPS = replace(
    WAKING,
    name="steps",
    arn=arn_of("steps"),
    steps=(Step(2, lower=0.0, upper=10.0), Step(3, lower=10.0), Step(-1, lower=-5.0, upper=0.0)),
)
STEP_ALARM = Alarm("steps", Rule(of_endpoint("Backlog"), Comparison.AT_LEAST, 10.0, 1, 1), (STEPS.arn,))


class Life:
    """A target's minutes, in which whatever is asked for is there at once, unless told otherwise."""

    def __init__(self, desired: int, *policies: Policy, target: ScalableTarget = WIDE) -> None:
        self.desired, self.policies, self.target = desired, policies, target
        self.decider = Decider()

    def at(self, minute: int, *firings: Firing, is_changeable: bool = True, is_reached: bool = True) -> int:
        current = self.desired if is_reached else self.desired - 1
        capacity = Capacity(self.desired, current, is_changeable)
        change = self.decider.decide(minute * 60.0, self.target, capacity, self.policies, firings)
        if change is not None:
            assert change.before == self.desired
            self.desired = change.after
        return self.desired


@pytest.mark.parametrize(
    ("capacity", "value", "wanted"),
    [(1, 29, 6), (2, 5.1, 3), (3, 4.4, 3), (3, 0.5, 1), (3, 0, 0), (4, 2.5, 2)],
)
def test_target_tracking_asks_in_proportion_and_rounds_up(capacity: int, value: float, wanted: int) -> None:
    assert tracked_capacity(TRACKING, capacity, value) == wanted


def test_from_none_a_metric_above_its_target_makes_one() -> None:
    assert tracked_capacity(TRACKING, 0, 5.5) == 1
    assert tracked_capacity(TRACKING, 0, 5.0) == 0


@given(st.integers(1, 50), st.floats(0, 1e6), st.floats(0.1, 1e6))
def test_the_proportion_never_falls_short(capacity: int, value: float, target: float) -> None:
    wanted = tracked_capacity(replace(TRACKING, target_value=target), capacity, value)
    if wanted:
        assert capacity * value / wanted <= target * 1.000001
    assert tracked_capacity(replace(TRACKING, target_value=target), capacity, value * 2) >= wanted


@pytest.mark.parametrize(("value", "wanted"), [(9.9, 3), (10, 6), (19.9, 6), (20, 7), (5.0, 4), (4.9, 4)])
def test_the_bound_nearer_to_the_threshold_belongs_to_the_step(value: float, wanted: int) -> None:
    assert stepped_capacity(STEPS, 4, value, 10.0) == wanted


@pytest.mark.parametrize(
    ("adjustment", "amount", "magnitude", "wanted"),
    [
        (Adjustment.EXACT, 3, 0, 3),
        (Adjustment.CHANGE, -20, 0, 0),
        (Adjustment.PERCENT, 25, 0, 12),
        (Adjustment.PERCENT, 2, 0, 11),
        (Adjustment.PERCENT, 25, 4, 14),
        (Adjustment.PERCENT, -25, 0, 8),
        (Adjustment.PERCENT, -2, 0, 9),
        (Adjustment.PERCENT, -2, 3, 7),
    ],
)
def test_adjustments_are_rounded_as_the_user_guide_says(
    adjustment: Adjustment, amount: int, magnitude: int, wanted: int
) -> None:
    policy: StepPolicy = replace(
        WAKING, adjustment=adjustment, steps=(Step(amount),), min_magnitude=magnitude
    )
    assert stepped_capacity(policy, 10, 1.0, 1.0) == wanted


def test_during_its_cooldown_what_a_policy_has_added_counts() -> None:
    """The example of the API's StepScalingPolicyConfiguration: two are added, then three are asked for."""
    life = Life(4, STEPS)
    assert life.at(0, Firing(STEPS, STEP_ALARM, 15)) == 6
    assert life.at(1, Firing(STEPS, STEP_ALARM, 15)) == 6
    assert life.at(2, Firing(STEPS, STEP_ALARM, 25)) == 7
    assert life.at(3, Firing(STEPS, STEP_ALARM, 25)) == 7
    assert life.at(8, Firing(STEPS, STEP_ALARM, 15)) == 9


def test_a_cooldown_begins_when_the_capacity_is_there() -> None:
    life = Life(4, STEPS)
    life.at(0, Firing(STEPS, STEP_ALARM, 15))
    for minute in range(1, 20):
        assert life.at(minute, Firing(STEPS, STEP_ALARM, 15), is_changeable=False, is_reached=False) == 6
    assert life.at(20, Firing(STEPS, STEP_ALARM, 15)) == 6
    assert life.at(24, Firing(STEPS, STEP_ALARM, 15)) == 6
    assert life.at(25, Firing(STEPS, STEP_ALARM, 15)) == 8


def test_one_policys_scale_out_cooldown_does_not_hold_another_back() -> None:
    life = Life(0, WAKING, TRACKING)
    waking = Alarm("waking", Rule(of_endpoint("Has"), Comparison.AT_LEAST, 1.0, 2, 2), (WAKING.arn,))
    assert life.at(0, Firing(WAKING, waking, 1.0)) == 1
    assert life.at(1, Firing(TRACKING, HIGH, 14.0)) == 3


def test_a_scale_in_holds_every_later_one_back_and_no_scale_out() -> None:
    life = Life(10, TRACKING, STEPS)
    assert life.at(0, Firing(TRACKING, LOW, 4.0)) == 8
    assert life.at(1, Firing(TRACKING, LOW, 4.0), Firing(STEPS, STEP_ALARM, 6.0)) == 8
    assert life.at(2, Firing(TRACKING, HIGH, 10.0)) == 16
    assert life.at(3, Firing(TRACKING, LOW, 4.0)) == 13


def test_of_several_policies_the_largest_capacity_is_chosen() -> None:
    assert Life(4, STEPS, TRACKING).at(0, Firing(STEPS, STEP_ALARM, 15), Firing(TRACKING, HIGH, 10.0)) == 8
    assert Life(4, STEPS, TRACKING).at(0, Firing(STEPS, STEP_ALARM, 15), Firing(TRACKING, LOW, 0.0)) == 6
    assert Life(4, STEPS, TRACKING).at(0, Firing(STEPS, STEP_ALARM, 6.0), Firing(TRACKING, LOW, 0.0)) == 3


def test_target_tracking_policies_scale_in_when_all_agree() -> None:
    life = Life(10, TRACKING, OTHER)
    assert life.at(0, Firing(TRACKING, LOW, 1.0)) == 10
    assert life.at(1, Firing(TRACKING, LOW, 1.0), Firing(OTHER, OTHER_LOW, 4.0)) == 8
    assert (
        Life(10, TRACKING, replace(OTHER, is_scale_in_disabled=True)).at(0, Firing(TRACKING, LOW, 1.0)) == 2
    )


def test_a_step_policy_scales_in_though_target_tracking_does_not() -> None:
    """PutScalingPolicy warns of it."""
    assert Life(10, TRACKING, STEPS).at(0, Firing(STEPS, STEP_ALARM, 6.0)) == 9
    held = Life(10, TRACKING, STEPS, target=replace(TARGET, max_capacity=10))
    assert held.at(0, Firing(STEPS, STEP_ALARM, 6.0), Firing(TRACKING, HIGH, 9.0)) == 10


def test_what_is_suspended_does_not_happen() -> None:
    out = replace(WIDE, is_scale_out_suspended=True)
    into = replace(WIDE, is_scale_in_suspended=True)
    assert Life(4, TRACKING, target=out).at(0, Firing(TRACKING, HIGH, 10.0)) == 4
    assert Life(4, TRACKING, target=out).at(0, Firing(TRACKING, LOW, 0.0)) == 0
    assert Life(4, TRACKING, target=into).at(0, Firing(TRACKING, LOW, 0.0)) == 4
    assert Life(4, TRACKING, target=into).at(0, Firing(TRACKING, HIGH, 10.0)) == 8


def test_nothing_changes_while_the_endpoint_is_not_in_service() -> None:
    life = Life(4, TRACKING, target=replace(WIDE, min_capacity=5))
    assert life.at(0, Firing(TRACKING, HIGH, 10.0), is_changeable=False) == 4
    assert life.at(1) == 5
