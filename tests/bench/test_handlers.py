"""The bench of /ping beside handlers that hold the GIL, for a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench import handlers
from bench.handlers import WORKERS, Holding, copies, is_met, run
from bench.ping import Pings
from bench.served import Served


def test_ping_is_answered_and_each_worker_loads_its_model_once() -> None:
    found = run(1.0)
    for held in found.values():
        assert set(held.pings.statuses) == {200}
        assert set(held.loads) >= held.workers
        assert len(held.loads) == len(set(held.loads)) == WORKERS
    assert copies(found["busy"]).startswith(f"{WORKERS} loads by {WORKERS} processes")


PIDS = tuple(range(WORKERS))


def held(
    loads: tuple[int, ...] = PIDS, seconds: float = 0.001, workers: frozenset[int] = frozenset(PIDS)
) -> Holding:
    pings = Pings(Served.__new__(Served), [200] * 100, [seconds] * 100)
    return Holding(pings, loads, workers)


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (held(), True),
        (held(workers=frozenset(PIDS[:1])), True),
        (held(seconds=0.06), False),
        (held((*PIDS, WORKERS)), False),
        (held(PIDS[1:], workers=frozenset(PIDS[1:])), False),
        (held((0,) * WORKERS, workers=frozenset({0})), False),
        (held(workers=frozenset({WORKERS})), False),
    ],
)
def test_the_marks_are_a_prompt_ping_and_one_copy_a_worker(found: Holding, met: bool) -> None:
    assert is_met(found) is met


@pytest.mark.parametrize(("found", "code"), [(held(), None), (held(seconds=0.06), 1)])
def test_marks_that_are_missed_are_published_and_end_it_with_1(
    found: Holding, code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []
    monkeypatch.setattr("sys.argv", ["bench.handlers"])
    monkeypatch.setattr(handlers, "run", lambda seconds: {"asleep": held(), "busy": found})
    monkeypatch.setattr(handlers, "publish", lambda name, *_: published.append(name))
    assert exit_code(handlers.main) == code
    assert published == ["handlers"]


def exit_code(main: Callable[[], None]) -> int | None:
    """None where it ends without one."""
    try:
        main()
    except SystemExit as ending:
        return int(str(ending.code))
    return None
