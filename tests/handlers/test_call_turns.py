"""Who may be with the workers beside whom, and who has met whom there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from quire.handlers.call_turns import Beside, CallTurns, Turn
from quire.words.errors import ShuttingDown


class House:
    """Turns that are taken in threads, each until it is told to leave."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.turns = CallTurns()
        self._pool = pool
        self._over = threading.Event()

    def enter(self, beside: Beside, leave: threading.Event) -> tuple[threading.Event, Future[None]]:
        """What is set once the turn has come. Has asked for it when this returns."""
        begun, asked = threading.Event(), threading.Event()

        def patience() -> float:
            asked.set()
            if self._over.is_set():
                raise ShuttingDown
            return 0.02

        def stay() -> None:
            with self.turns.taken(beside, patience):
                begun.set()
                leave.wait()

        done = self._pool.submit(stay)
        asked.wait()
        return begun, done

    def close(self) -> None:
        self._over.set()


@pytest.fixture
def house() -> Iterator[House]:
    with ThreadPoolExecutor(8) as pool:
        made = House(pool)
        yield made
        made.close()


@contextmanager
def inside(house: House, beside: Beside) -> Iterator[threading.Event]:
    leave = threading.Event()
    begun, done = house.enter(beside, leave)
    try:
        yield begun
    finally:
        leave.set()
        done.result()


COMES, WAITS = 10.0, 0.3


@pytest.mark.parametrize(
    ("first", "second", "may"),
    [
        (Beside.ANYONE, Beside.ANYONE, True),
        (Beside.ANYONE, Beside.NO_SUSPECT, True),
        (Beside.NO_SUSPECT, Beside.ANYONE, True),
        (Beside.NO_SUSPECT, Beside.NO_SUSPECT, False),
        (Beside.ANYONE, Beside.NOBODY, False),
        (Beside.NO_SUSPECT, Beside.NOBODY, False),
        (Beside.NOBODY, Beside.ANYONE, False),
        (Beside.NOBODY, Beside.NO_SUSPECT, False),
        (Beside.NOBODY, Beside.NOBODY, False),
    ],
)
def test_who_waits_for_whom(house: House, first: Beside, second: Beside, may: bool) -> None:
    leave = threading.Event()
    with inside(house, first) as begun:
        assert begun.wait(COMES)
        following, done = house.enter(second, leave)
        assert following.wait(COMES if may else WAITS) is may
    assert following.wait(COMES)
    leave.set()
    done.result()


def test_one_that_waits_to_be_alone_goes_before_all_who_have_not_begun(house: House) -> None:
    leave_alone, leave_late = threading.Event(), threading.Event()
    with inside(house, Beside.ANYONE) as begun:
        assert begun.wait(COMES)
        alone, ends_alone = house.enter(Beside.NOBODY, leave_alone)
        late, ends_late = house.enter(Beside.ANYONE, leave_late)
        assert not late.wait(WAITS)
    assert alone.wait(COMES)
    assert not late.wait(WAITS)
    leave_alone.set()
    assert late.wait(COMES)
    leave_late.set()
    ends_alone.result()
    ends_late.result()


def test_who_gives_up_waiting_keeps_nobody_waiting(house: House) -> None:
    with inside(house, Beside.ANYONE) as begun:
        assert begun.wait(COMES)
        with pytest.raises(ShuttingDown), house.turns.taken(Beside.NOBODY, impatience):
            raise AssertionError("it was not alone")
        with inside(house, Beside.ANYONE) as following:
            assert following.wait(COMES)


def impatience() -> float:
    raise ShuttingDown


def test_who_met_at_one_worker_was_not_alone() -> None:
    turns = CallTurns()

    def take() -> Turn:
        return taking.enter_context(turns.taken(Beside.ANYONE, lambda: 0.02))

    with ExitStack() as taking:
        first, second, elsewhere, queued = take(), take(), take(), take()
        turns.meet(first, 7)
        turns.meet(elsewhere, 8)
        assert first.was_alone
        turns.meet(second, 7)
    assert [turn.was_alone for turn in (first, second, elsewhere, queued)] == [False, False, True, True]
