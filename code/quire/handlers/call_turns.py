"""Which calls may be with the workers at the same time, and which of them met at one worker: so that a call
that kills its process is told from those that it takes along."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Beside(enum.Enum):
    """Whom a call bears beside it. Who died together with others is a suspect."""

    ANYONE = "anyone"
    NO_SUSPECT = "no suspect"
    NOBODY = "nobody"


@dataclass(eq=False)
class Turn:
    """One try of one call. `pid` is the worker's, once it has taken it; `was_alone` whether nobody else was
    with that worker meanwhile."""

    beside: Beside
    has_begun: bool = False
    pid: int | None = None
    was_alone: bool = True

    def meets(self, other: Turn) -> bool:
        return other is not self and other.pid == self.pid


class CallTurns:
    """All calls of one front end. Suspects have their turn one after another, beside calls that are tried for
    the first time; while one that must be alone waits or runs, nobody else begins."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._turns: list[Turn] = []

    @contextmanager
    def taken(self, beside: Beside, patience: Callable[[], float]) -> Iterator[Turn]:
        """Waits for the turn. `patience` says how long to wait before it is asked again, and raises to give
        up. May be left in another thread than it was entered in."""
        turn = Turn(beside)
        with self._changed:
            self._turns.append(turn)
        try:
            self._await(turn, patience)
            yield turn
        finally:
            with self._changed:
                self._turns.remove(turn)
                self._changed.notify_all()

    def meet(self, turn: Turn, pid: int) -> None:
        """The worker `pid` has taken the call."""
        with self._changed:
            turn.pid = pid
            met = [other for other in self._turns if turn.meets(other)]
            for each in (turn, *met) if met else ():
                each.was_alone = False

    def _await(self, turn: Turn, patience: Callable[[], float]) -> None:
        while True:
            seconds = patience()
            with self._changed:
                if self._may_begin(turn):
                    turn.has_begun = True
                    return
                self._changed.wait(seconds)

    def _may_begin(self, turn: Turn) -> bool:
        others = [other for other in self._turns if other is not turn]
        if turn.beside is Beside.NOBODY:
            return not any(other.has_begun for other in others)
        if any(other.beside is Beside.NOBODY for other in others):
            return False
        earlier = self._turns[: self._turns.index(turn)]
        return turn.beside is Beside.ANYONE or all(other.beside is Beside.ANYONE for other in earlier)
