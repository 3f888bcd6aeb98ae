"""Which resources does a List operation answer with, in which order, and where does its next page begin?"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quire_endpoint.local.control.errors import ValidationException

DEFAULT_MAX_RESULTS = 10
"""Documented for ListEndpoints, taken for the others."""

_Place = tuple[float | str, str]
"""By what the list is sorted, and the name: where a resource stands in it."""


@dataclass(frozen=True)
class Listed:
    """`value` is what the operation answers of it. `status` is of endpoints."""

    name: str
    created_seconds: float
    value: Mapping[str, Any]
    modified_seconds: float = 0.0
    status: str = ""


def page(request: Mapping[str, Any], member: str, listed: Sequence[Listed]) -> dict[str, Any]:
    """The page that `request` asks for, as the answer's `member`. Raises ValidationException for a token that
    no page gave."""
    by = str(request.get("SortBy", "CreationTime"))
    is_descending = request.get("SortOrder", "Descending") == "Descending"
    matching = [one for one in listed if _matches(request, one)]
    ordered = sorted(matching, key=lambda one: _place(one, by), reverse=is_descending)
    if token := request.get("NextToken"):
        last = _read(token)
        ordered = [one for one in ordered if _is_behind(_place(one, by), last, is_descending)]
    count = int(request.get("MaxResults", DEFAULT_MAX_RESULTS))
    answer: dict[str, Any] = {member: [one.value for one in ordered[:count]]}
    if len(ordered) > count:
        answer["NextToken"] = _written(_place(ordered[count - 1], by))
    return answer


def _matches(request: Mapping[str, Any], one: Listed) -> bool:
    return (
        str(request.get("NameContains", "")).lower() in one.name.lower()
        and request.get("StatusEquals") in (None, one.status)
        and _is_between(request, "CreationTime", one.created_seconds)
        and _is_between(request, "LastModifiedTime", one.modified_seconds)
    )


def _is_between(request: Mapping[str, Any], what: str, seconds: float) -> bool:
    before, after = request.get(f"{what}Before"), request.get(f"{what}After")
    return (before is None or seconds < float(before)) and (after is None or seconds >= float(after))


def _place(one: Listed, by: str) -> _Place:
    return {"Name": one.name, "Status": one.status}.get(by, one.created_seconds), one.name


def _is_behind(place: _Place, last: _Place, is_descending: bool) -> bool:
    try:
        return place < last if is_descending else place > last
    except TypeError as error:
        raise _no_token() from error


def _written(place: _Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read(token: str) -> _Place:
    try:
        value, name = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, binascii.Error) as error:
        raise _no_token() from error
    return value, str(name)


def _no_token() -> ValidationException:
    return ValidationException("The pagination token is invalid.")
