"""What is the value of a CloudWatch metric math expression at one moment?

The part of the language that scaling policies on a backlog are written in: numbers, ids, + - * / ^,
comparisons, AND OR, and the functions below. A value that is missing makes what is computed from it missing,
save in FILL.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

MAX_CHARACTERS = 2048
"""CloudWatch's own limit: the API's MetricDataQuery, Expression."""

_MAX_DEPTH = 100
"""Python's own recursion ends at a thousand calls, of which a level takes several: a sum has one for each of
its terms."""

Value = float | None
_Operand = Value | list[Value]


class NotEvaluated(ValueError):
    """The expression uses what is not supported here, or is none; the message says what."""


_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OF_LISTS: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: math.fsum(values) / len(values),
}
_OF_ONE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_PYTHON = ((r"&&|\bAND\b", " and "), (r"\|\||\bOR\b", " or "), (r"\^", "**"))


def check(expression: str, names: Sequence[str]) -> None:
    """Raises NotEvaluated where `evaluate` would, whatever the values."""
    for value in (1.0, None):
        evaluate(expression, dict.fromkeys(names, value))


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """None where it has no value at this moment. Raises NotEvaluated."""
    for pattern, python in _PYTHON:
        expression = re.sub(pattern, python, expression)
    if len(expression) > MAX_CHARACTERS:
        raise NotEvaluated(
            f"an expression of {len(expression)} characters, over {MAX_CHARACTERS}, is too long"
        )
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotEvaluated(f"{expression!r} is no metric math expression") from error
    if _depth(tree.body) > _MAX_DEPTH:
        raise NotEvaluated(f"{expression!r} has more than {_MAX_DEPTH} levels, which are not evaluated here")
    try:
        return _single(_Reader(values).read(tree.body), tree.body)
    except NotEvaluated:
        raise
    except (ArithmeticError, ValueError):
        return None


class _Reader:
    """Of one parsed expression over one moment's values."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def read(self, node: ast.expr) -> _Operand:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self._values:
                return self._values[name]
            case ast.List(elts=items):
                return [self.one(item) for item in items]
        return self._computed(node)

    def _computed(self, node: ast.expr) -> Value:
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _applied(operator.neg, self.one(operand))
            case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _BINARY:
                return _applied(_BINARY[type(kind)], self.one(left), self.one(right))
            case ast.Compare(left=left, ops=[kind], comparators=[right]) if type(kind) in _COMPARISONS:
                return _applied(_COMPARISONS[type(kind)], self.one(left), self.one(right))
            case ast.BoolOp(op=kind, values=parts):
                return _applied(_together(kind), *(self.one(part) for part in parts))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._called(name.upper(), arguments)
        raise NotEvaluated(f"{ast.unparse(node)!r} is not evaluated here")

    def one(self, node: ast.expr) -> Value:
        return _single(self.read(node), node)

    def _called(self, name: str, arguments: Sequence[ast.expr]) -> Value:
        match name, arguments:
            case "FILL", [series, filling]:
                value = self.one(series)
                return self.one(filling) if value is None else value
            case "IF", [condition, then]:
                return self._chosen(condition, then, None)
            case "IF", [condition, then, otherwise]:
                return self._chosen(condition, then, otherwise)
            case _, [argument] if name in _OF_ONE:
                return _applied(_OF_ONE[name], self.one(argument))
            case _, [argument] if name in _OF_LISTS:
                return self._of_list(name, self.read(argument))
        raise NotEvaluated(f"{name} with {len(arguments)} arguments is not evaluated here")

    def _chosen(self, condition: ast.expr, then: ast.expr, otherwise: ast.expr | None) -> Value:
        """Reads both, so that a fault in one is seen whichever is taken."""
        value, if_true = self.one(condition), self.one(then)
        if_false = self.one(otherwise) if otherwise else None
        return None if value is None else if_true if value else if_false

    def _of_list(self, name: str, operand: _Operand) -> Value:
        """Of an array; those that are missing are left out of it."""
        if not isinstance(operand, list):
            raise NotEvaluated(f"{name} of a single series, over time, is not evaluated here")
        values = [value for value in operand if value is not None]
        return _OF_LISTS[name](values) if values else None


def _together(kind: ast.boolop) -> Callable[..., bool]:
    return (lambda *parts: all(parts)) if isinstance(kind, ast.And) else (lambda *parts: any(parts))


def _applied(function: Callable[..., float], *values: Value) -> Value:
    known = [value for value in values if value is not None]
    return float(function(*known)) if len(known) == len(values) else None


def _single(operand: _Operand, node: ast.expr) -> Value:
    if isinstance(operand, list):
        raise NotEvaluated(f"{ast.unparse(node)!r} is an array, not one series")
    return operand


def _depth(node: ast.expr) -> int:
    """How many levels it has, counted without a recursion."""
    depth, level = 0, [node]
    while level:
        depth += 1
        level = [below for one in level for below in ast.iter_child_nodes(one) if isinstance(below, ast.expr)]
    return depth
