"""In which state is a CloudWatch alarm, given the datapoints that there are?"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

EXTRA_DATAPOINTS = 2
"""How many periods before the EvaluationPeriods are looked at where some lack a datapoint: the CloudWatch
User Guide, "alarms-and-missing-data", has 5 for 3 in its examples and gives no rule."""

DEFAULT_PERIOD_SECONDS = 60


class AlarmState(enum.StrEnum):
    """CloudWatch's."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(enum.StrEnum):
    """TreatMissingData."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class Comparison(enum.StrEnum):
    """ComparisonOperator, without those of anomaly detection."""

    AT_LEAST = "GreaterThanOrEqualToThreshold"
    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"

    def is_breached(self, value: float, threshold: float) -> bool:
        return _OPERATORS[self](value, threshold)


_OPERATORS: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.AT_LEAST: operator.ge,
    Comparison.ABOVE: operator.gt,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}


@dataclass(frozen=True)
class Metric:
    """One statistic of one metric. `dimensions` are names with values; `unit` None takes every unit."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Average"
    unit: str | None = None


@dataclass(frozen=True)
class MathMetric:
    """What `expression` makes of other metrics, each known by its id there; expressions among them too."""

    expression: str
    metrics: Mapping[str, Metric]
    expressions: Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """When an alarm goes off."""

    metric: Metric | MathMetric
    comparison: Comparison
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    period_seconds: int = DEFAULT_PERIOD_SECONDS
    missing: Missing = Missing.MISSING

    @property
    def num_current(self) -> int:
        """How many of the latest periods tell what the metric is now: a minute's, in which there is one
        datapoint, or one that is longer."""
        return max(1, DEFAULT_PERIOD_SECONDS // self.period_seconds)

    @property
    def range_periods(self) -> int:
        """How many periods are looked at."""
        return max(self.evaluation_periods + EXTRA_DATAPOINTS, self.num_current)


@dataclass(frozen=True)
class Alarm:
    """`actions` are the ARNs of what it sets off in state ALARM; empty where its actions are switched off."""

    name: str
    rule: Rule
    actions: tuple[str, ...] = ()
    state: AlarmState = AlarmState.INSUFFICIENT_DATA
    description: str = ""


Values = Sequence[float | None]
"""Of the rule's `range_periods`, the latest last; None where a period has no datapoint."""


def evaluate(rule: Rule, values: Values, state: AlarmState) -> AlarmState:
    """The state that follows on `state`: the User Guide's page of above, tables included."""
    real = [rule.comparison.is_breached(value, rule.threshold) for value in values if value is not None]
    lacking = rule.evaluation_periods - len(real)
    if lacking <= 0:
        return _judged(sum(real[-rule.evaluation_periods :]), rule)
    if rule.missing is Missing.BREACHING:
        return _judged(sum(real) + lacking, rule)
    if rule.missing is Missing.NOT_BREACHING:
        return _judged(sum(real), rule)
    if not all(real) or sum(real) >= rule.datapoints_to_alarm:
        return _judged(sum(real), rule)
    if rule.missing is Missing.IGNORE:
        return state
    return _judged_early(rule, values) if real else AlarmState.INSUFFICIENT_DATA


def _judged(num_breaching: int, rule: Rule) -> AlarmState:
    return AlarmState.ALARM if num_breaching >= rule.datapoints_to_alarm else AlarmState.OK


def _judged_early(rule: Rule, values: Values) -> AlarmState:
    """Of too few datapoints, all breaching: enough once the oldest is as old as DatapointsToAlarm."""
    age_periods = next(len(values) - place for place, value in enumerate(values) if value is not None)
    return AlarmState.ALARM if age_periods >= rule.datapoints_to_alarm else AlarmState.OK
