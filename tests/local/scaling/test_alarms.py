"""Alarm states: the tables of the CloudWatch User Guide, "alarms-and-missing-data", row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.local.scaling.alarms import AlarmState, Comparison, Metric, Missing, Rule, evaluate

OK, ALARM, INSUFFICIENT = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
METRIC = Metric("AWS/SageMaker", "ApproximateBacklogSize")
RETAIN = None

THREE_OF_THREE = {
    "0-X-X": (OK, OK, OK, OK),
    "0----": (OK, OK, OK, OK),
    "-----": (INSUFFICIENT, RETAIN, ALARM, OK),
    "0XX-X": (ALARM, ALARM, ALARM, ALARM),
    "--X--": (ALARM, RETAIN, ALARM, OK),
}
TWO_OF_THREE = {
    "0-X-X": (ALARM, ALARM, ALARM, ALARM),
    "00X0X": (ALARM, ALARM, ALARM, ALARM),
    "0-X--": (OK, OK, ALARM, OK),
    "----0": (OK, OK, ALARM, OK),
    "---X-": (ALARM, RETAIN, ALARM, OK),
}
TREATMENTS = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)


def rule(datapoints: int, missing: Missing = Missing.MISSING, periods: int = 3) -> Rule:
    return Rule(METRIC, Comparison.AT_LEAST, 1.0, periods, datapoints, missing=missing)


def values(written: str) -> list[float | None]:
    return [{"0": 0.0, "X": 1.0, "-": None}[letter] for letter in written]


@pytest.mark.parametrize("state", list(AlarmState))
@pytest.mark.parametrize(("datapoints", "table"), [(3, THREE_OF_THREE), (2, TWO_OF_THREE)])
def test_states_are_those_of_the_user_guide(
    datapoints: int, table: dict[str, tuple[AlarmState | None, ...]], state: AlarmState
) -> None:
    for written, states in table.items():
        for missing, expected in zip(TREATMENTS, states, strict=True):
            seen = evaluate(rule(datapoints, missing), values(written), state)
            assert seen is (expected or state), f"{written} with {missing}"


@pytest.mark.parametrize("written", ["----X", "---X-"])
def test_a_breach_that_is_too_young_alarms_nobody(written: str) -> None:
    assert evaluate(rule(3), values(written), OK) is OK


@pytest.mark.parametrize("missing", TREATMENTS)
def test_breaches_enough_alarm_however_missing_ones_are_treated(missing: Missing) -> None:
    assert evaluate(rule(2, missing), values("---XX"), OK) is ALARM


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        (Comparison.AT_LEAST, (5.0, 6.0)),
        (Comparison.ABOVE, (6.0,)),
        (Comparison.BELOW, (4.0,)),
        (Comparison.AT_MOST, (4.0, 5.0)),
    ],
)
def test_each_comparison_has_its_own_side(comparison: Comparison, breaching: tuple[float, ...]) -> None:
    one = Rule(METRIC, comparison, 5.0, 1, 1)
    for value in (4.0, 5.0, 6.0):
        expected = ALARM if value in breaching else OK
        assert evaluate(one, [None, None, value], INSUFFICIENT) is expected


@given(
    st.integers(1, 5).flatmap(
        lambda periods: st.tuples(
            st.just(periods),
            st.integers(1, periods),
            st.lists(st.sampled_from([0.0, 1.0]), min_size=periods + 2, max_size=periods + 2),
        )
    ),
    st.sampled_from(Missing),
)
def test_with_every_datapoint_there_only_the_last_periods_count(
    drawn: tuple[int, int, list[float]], missing: Missing
) -> None:
    periods, datapoints, whole = drawn
    expected = ALARM if sum(whole[-periods:]) >= datapoints else OK
    assert evaluate(rule(datapoints, missing, periods), whole, OK) is expected
