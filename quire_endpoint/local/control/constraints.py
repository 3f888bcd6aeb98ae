"""Which of a service model's constraints does a request break? botocore checks required members, types and
lower bounds; the service checks these and the upper bounds, patterns and enumerations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quire_endpoint.local.control.errors import SerializationException
from quire_endpoint.local.control.patterns import compiled

_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
}


def violations(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """A clause for each, in AWS's words. `shape` is botocore's. Raises SerializationException where a member
    is of another type."""
    kind = shape.type_name
    _check_type(kind, value, path)
    if kind == "structure":
        yield from _of_members(shape, value, path)
    elif kind == "map":
        yield from _clauses(value, path, _length_limits(shape, len(value)))
        yield from _of_entries(shape, value, path)
    elif kind == "list":
        yield from _clauses(value, path, _length_limits(shape, len(value)))
        for number, member in enumerate(value, start=1):
            yield from violations(shape.member, member, f"{path}.{number}.member")
    else:
        yield from _clauses(value, path, _limits(shape, value))


def sentence(found: Sequence[str]) -> str:
    """All violations in one message."""
    errors = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {errors} detected: {'; '.join(found)}"


def clause(value: object, path: str, limit: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {limit}"


def length_limit(length: int, least: int, most: int | None) -> Iterator[str]:
    if length < least:
        yield f"Member must have length greater than or equal to {least}"
    if most is not None and length > most:
        yield f"Member must have length less than or equal to {most}"


def value_limit(value: float, least: float | None, most: float | None) -> Iterator[str]:
    if least is not None and value < least:
        yield f"Member must have value greater than or equal to {least}"
    if most is not None and value > most:
        yield f"Member must have value less than or equal to {most}"


def pattern_limit(value: str, pattern: str) -> Iterator[str]:
    if not compiled(pattern).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {pattern}"


def _clauses(value: object, path: str, limits: Iterator[str]) -> Iterator[str]:
    return (clause(value, path, limit) for limit in limits)


def _check_type(kind: str, value: Any, path: str) -> None:
    allowed = _TYPES.get(kind)
    is_boolean_for_number = isinstance(value, bool) and kind != "boolean"
    if allowed is not None and (not isinstance(value, allowed) or is_boolean_for_number):
        raise SerializationException(f"{path or 'the request'} is of type {kind}")


def _of_members(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        below = f"{path}.{_lowered(name)}" if path else _lowered(name)
        given = value.get(name)
        if given is not None:
            yield from violations(member, given, below)
        elif name in shape.required_members:
            yield f"Value null at '{below}' failed to satisfy constraint: Member must not be null"


def _of_entries(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, given in value.items():
        _check_type(shape.value.type_name, given, f"{path}.{name}")
        for what, part, itself in (("keys", shape.key, name), ("value", shape.value, given)):
            if limits := list(_limits(part, itself)):
                yield clause(value, path, f"Map {what} must satisfy constraint: [{', '.join(limits)}]")


def _limits(shape: Any, value: Any) -> Iterator[str]:
    if shape.type_name == "string":
        yield from _string_limits(shape, value)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from value_limit(value, shape.metadata.get("min"), shape.metadata.get("max"))


def _string_limits(shape: Any, value: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    yield from _length_limits(shape, len(value))
    if pattern := shape.metadata.get("pattern"):
        yield from pattern_limit(value, pattern)


def _length_limits(shape: Any, length: int) -> Iterator[str]:
    return length_limit(length, shape.metadata.get("min", 0), shape.metadata.get("max"))


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
