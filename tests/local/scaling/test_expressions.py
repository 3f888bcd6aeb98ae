"""Metric math at one moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.local.scaling.expressions import NotEvaluated, check, evaluate

VALUES = {"backlog": 6.0, "running": 2.0, "gone": None}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("backlog", 6.0),
        ("backlog + running * 2", 10.0),
        ("(backlog - 1) / running", 2.5),
        ("-running ^ 2", -4.0),
        ("backlog + gone", None),
        ("FILL(gone, 0) + running", 2.0),
        ("FILL(backlog, 0)", 6.0),
        ("MAX([backlog, running, gone])", 6.0),
        ("MIN([backlog, running])", 2.0),
        ("SUM([backlog, running])", 8.0),
        ("avg([backlog, running])", 4.0),
        ("MAX([gone])", None),
        ("IF(backlog > 5, 1, 0)", 1.0),
        ("IF(backlog > 5 AND running < 2, 1, 0)", 0.0),
        ("IF(backlog > 50 || running >= 2, 1)", 1.0),
        ("IF(running == 3, 1)", None),
        ("IF(gone, 1, 0)", None),
        ("CEIL(backlog / 4)", 2.0),
        ("backlog / 0", None),
        ("(-backlog) ^ 0.5", None),
    ],
)
def test_values_are_computed_as_cloudwatch_does(expression: str, value: float | None) -> None:
    assert evaluate(expression, VALUES) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "backlog +",
        "unknown",
        "[backlog, running]",
        "MAX(backlog)",
        "RATE(backlog)",
        "SEARCH('{AWS/SageMaker}', 'Average')",
        "__import__('os').system('true')",
        "backlog if running else 0",
        "1 < backlog < 3",
        "(lambda: 1)()",
    ],
)
def test_what_is_not_evaluated_is_refused_whatever_the_values(expression: str) -> None:
    with pytest.raises(NotEvaluated):
        check(expression, list(VALUES))


@given(st.text(alphabet="ab()[]+-*/^<>=,.0159 FILMAXIFD&|", max_size=20))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        value = evaluate(text, {"a": 1.0, "b": None})
    except NotEvaluated:
        return
    assert value is None or isinstance(value, float)


def test_as_many_terms_as_anybody_writes() -> None:
    assert evaluate("+".join(["1"] * 100), {}) == 100
    with pytest.raises(NotEvaluated, match="levels"):
        evaluate("+".join(["1"] * 101), {})


@pytest.mark.parametrize("num", [900, 2_000, 20_000])
@pytest.mark.parametrize(
    "text_of",
    [lambda num: "1" + "+1" * num, lambda num: "-" * num + "1", lambda num: "(" * num + "1" + ")" * num],
    ids=["terms", "signs", "parentheses"],
)
def test_one_that_is_too_long_or_too_deep_is_refused(text_of: Callable[[int], str], num: int) -> None:
    """moto takes whatever is written."""
    with pytest.raises(NotEvaluated):
        check(text_of(num), [])
