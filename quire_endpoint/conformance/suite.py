"""Which claims are there, and how does each fare against a target?"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.conformance.plans import Plan
from quire_endpoint.conformance.row import Differs, NotCheckable, Result, Row, Verdict
from quire_endpoint.conformance.rows import (
    control,
    errors,
    faults,
    instances,
    isolation,
    limits,
    metrics,
    notifications,
    objects,
    policies,
    queue,
    request,
    scaling,
    updates,
    wire,
)
from quire_endpoint.conformance.stage import Stage
from quire_endpoint.conformance.target import Target

_SUBJECTS = (wire, limits, request, objects, queue, errors, instances, isolation, notifications, metrics)
_LAST = (control, updates, scaling, policies, faults)

ROWS: tuple[Row, ...] = tuple(row for subject in (*_SUBJECTS, *_LAST) for row in subject.ROWS)
"""In the order in which they are run; a row's number is its place here, from 1."""


class NoSuchRow(ValueError):
    """The message names the row."""


def chosen(names: Sequence[str]) -> list[Row]:
    """Those named, or all. Raises NoSuchRow."""
    known = {row.name: row for row in ROWS}
    for name in names:
        if name not in known:
            raise NoSuchRow(f"there is no row {name!r}; --list shows them")
    return [known[name] for name in names] or list(ROWS)


def run(target: Target, rows: Sequence[Row], told: Callable[[Result], None]) -> list[Result]:
    """The rows of one endpoint one after another, those of different endpoints side by side; each result is
    told as soon as it is there, and all are returned in the rows' order. The endpoints are made at the start;
    each is taken away when its last row has been checked."""
    turn = threading.Lock()

    def check(lane: Sequence[Row]) -> list[Result]:
        results = []
        for row in lane:
            results.append(_checked(stage, row))
            with turn:
                told(results[-1])
        for plan in {plan for row in lane for plan in row.claim.plans}:
            stage.leave(plan)
        return results

    lanes = _lanes(rows)
    with Stage(target) as stage, ThreadPoolExecutor(max(1, len(lanes))) as pool:
        stage.begin(_plans(target, rows))
        results = [result for lane in pool.map(check, lanes) for result in lane]
    return sorted(results, key=lambda result: rows.index(result.row))


def _plans(target: Target, rows: Sequence[Row]) -> list[Plan]:
    checkable = [row for row in rows if target.is_local or not row.claim.is_local]
    return list(dict.fromkeys(plan for row in checkable for plan in row.claim.plans))


def _lanes(rows: Sequence[Row]) -> list[list[Row]]:
    """By endpoint; rows that need none by subject."""
    lanes: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        lanes[row.claim.plans or row.claim.subject].append(row)
    return list(lanes.values())


def _checked(stage: Stage, row: Row) -> Result:
    if row.claim.is_local and not stage.target.is_local:
        return Result(row, Verdict.NOT_CHECKABLE, "AWS offers no way to bring it about")
    try:
        row.check(stage)
    except NotCheckable as reason:
        return Result(row, Verdict.NOT_CHECKABLE, str(reason))
    except Differs as difference:
        return Result(row, Verdict.DIFFERS, str(difference))
    except (BotoCoreError, ClientError, OSError, LookupError, ValueError, TypeError) as error:
        return Result(row, Verdict.DIFFERS, f"{type(error).__name__}: {error}")
    return Result(row, Verdict.HOLDS)
