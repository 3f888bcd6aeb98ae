"""Which values does an alarm look at, whether its metric is one or the sum of many?"""

from __future__ import annotations

from collections.abc import Sequence

from quire_endpoint.local.scaling.alarms import MathMetric, Rule
from quire_endpoint.local.scaling.board import Board
from quire_endpoint.local.scaling.expressions import Value, evaluate


def values_of(board: Board, rule: Rule, end: float) -> Sequence[Value]:
    """Of the rule's `range_periods` up to `end`, the latest last. Raises NotEvaluated."""
    metric, period, num = rule.metric, rule.period_seconds, rule.range_periods
    if not isinstance(metric, MathMetric):
        return board.values(metric, end, period, num)
    known = {name: board.values(one, end, period, num) for name, one in metric.metrics.items()}
    return [_moment(metric, {name: values[place] for name, values in known.items()}) for place in range(num)]


def _moment(metric: MathMetric, values: dict[str, Value]) -> Value:
    """Expressions may stand on expressions: each is computed once what it names is known."""
    for name, expression in metric.expressions.items():
        values[name] = evaluate(expression, values)
    return evaluate(metric.expression, values)
