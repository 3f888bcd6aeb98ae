"""How are the rows measured? In turns, round after round: other work on the machine meets all alike."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from bench.contenders import Contender, Round
from bench.line_process import ProgramFailed
from bench.loads import PostFailed
from bench.peers.servers import PeerAbsent

Done = TypeVar("Done")

CANNOT_RUN = (PeerAbsent, ProgramFailed, PostFailed, ConnectionError)


@dataclass(frozen=True)
class Row:
    """A line of the table that is to be measured. `about` says what it is, with its settings. `documents`
    names those that it reads: rows of the same documents are compared."""

    key: str
    name: str
    about: str
    documents: str
    start: Callable[[], Contender]
    is_ceiling: bool = False


@dataclass
class Measured:
    """A row and its rounds; `absence` says why there are none. `note` is what its start found out. Figures
    are medians of rounds."""

    row: Row
    rounds: list[Round] = field(default_factory=list)
    note: str = ""
    absence: str = ""

    @property
    def pages_per_second(self) -> float:
        return statistics.median(each.pages_per_second for each in self.rounds)

    @property
    def cpu_seconds_a_page(self) -> float:
        return statistics.median(each.cpu_seconds / each.num_pages for each in self.rounds)

    @property
    def why_absent(self) -> str:
        """In a table's cell."""
        return self.absence.splitlines()[0].replace("|", "/")[:120] if self.absence else ""

    def ratio_to(self, other: Measured) -> float:
        """The median over rounds of how many times as fast as `other` it was."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(mine.pages_per_second / its.pages_per_second for mine, its in pairs)


def chosen(all_rows: Sequence[Row], only: Sequence[str]) -> list[Row]:
    """Those whose key is given, or begins with a given word: `http` is http-1, http-4 and so on. Raises
    ValueError for a word that no row begins with."""
    for word in only:
        if not any(_begins(row.key, word) for row in all_rows):
            raise ValueError(f"no row {word!r}; there are {', '.join(row.key for row in all_rows)}")
    return [row for row in all_rows if not only or any(_begins(row.key, word) for word in only)]


def _begins(key: str, word: str) -> bool:
    return key == word or key.startswith(f"{word}-")


def measure(rows: Sequence[Row], num_rounds: int) -> list[Measured]:
    """Starts and warms up every row, then runs all in turns, in every second round the other way about. A row
    that cannot be started or fails is absent, with the reason."""
    measured = [Measured(row) for row in rows]
    started = {}
    for each in measured:
        contender = _try(each, partial(_started, each))
        if contender is not None:
            started[each.row.key] = contender
    for number in range(num_rounds):
        for each in measured if number % 2 == 0 else reversed(measured):
            if not each.absence:
                _run(each, started[each.row.key], number)
    for each in measured:
        if each.absence:
            each.rounds.clear()
    return measured


def _started(measured: Measured) -> Contender:
    _say(f"starting {measured.row.name}")
    contender = measured.row.start()
    contender.warm_up()
    measured.note = contender.note
    return contender


def _run(each: Measured, contender: Contender, number: int) -> None:
    done = _try(each, contender.round)
    if done is not None:
        each.rounds.append(done)
        _say(f"round {number + 1}: {each.row.name}: {done.pages_per_second:.2f} pages/s")


def _try(each: Measured, action: Callable[[], Done]) -> Done | None:
    try:
        return action()
    except CANNOT_RUN as error:
        each.absence = f"{error}" or type(error).__name__
        _say(f"{each.row.name}: left out: {error}")
        return None


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
