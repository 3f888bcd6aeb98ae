"""How many pages of the invocations in flight are done, by what their containers log?"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

LINES_SEARCHED = 2000
"""Of the end of a container's log, for each look."""

_MARK = '"pages_done"'


@dataclass(frozen=True)
class Pages:
    done: int
    total: int


def pages_in(lines: Sequence[str], wanted: Collection[str]) -> dict[str, Pages]:
    """By inference id, the latest of each. Read are lines of JSON with `inference_id`, `pages_done` and
    `pages_total`, as Quire's container writes them and any other may."""
    found: dict[str, Pages] = {}
    left = set(wanted)
    for line in reversed(lines[-LINES_SEARCHED:]):
        if not left:
            break
        if _MARK in line and (told := _told(line)) is not None and told[0] in left:
            found[told[0]] = told[1]
            left.discard(told[0])
    return found


def _told(line: str) -> tuple[str, Pages] | None:
    try:
        fields = json.loads(line[line.index("{") :])
        return str(fields["inference_id"]), Pages(int(fields["pages_done"]), int(fields["pages_total"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
