"""Which fault does a request to the page's API ask for?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from quire_endpoint.local.faults import Fault, FaultKind

_KINDS = ", ".join(FaultKind)


class NoSuchFault(ValueError):
    """The message says what is allowed."""


def asked_fault(given: object) -> Fault:
    """Of the JSON object `given`, with `kind` and what else Fault has. Raises NoSuchFault."""
    if not isinstance(given, Mapping):
        raise NoSuchFault("a fault is a JSON object with a kind")
    allowed = {field.name for field in fields(Fault)} - {"number"}
    if unknown := sorted(set(given) - allowed):
        raise NoSuchFault(f"a fault has no {unknown[0]}; it has {', '.join(sorted(allowed))}")
    try:
        kind = FaultKind(given.get("kind", ""))
    except ValueError as error:
        raise NoSuchFault(f"kind is one of {_KINDS}, not {given.get('kind')!r}") from error
    return _fault(kind, {name: value for name, value in given.items() if value is not None})


def _fault(kind: FaultKind, given: Mapping[str, object]) -> Fault:
    try:
        times, name = given.get("times"), given.get("endpoint_name")
        return Fault(
            kind,
            endpoint_name=None if name is None else str(name),
            share=float(str(given.get("share", Fault.share))),
            times=None if times is None else int(str(times)),
            seconds=float(str(given.get("seconds", Fault.seconds))),
        )
    except ValueError as error:
        raise NoSuchFault(str(error)) from error
