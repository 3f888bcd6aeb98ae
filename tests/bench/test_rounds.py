"""Rows take turns; one that cannot run is left out with its reason and disturbs no other."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.contenders import Contender, Round
from bench.peers.servers import PeerAbsent
from bench.rounds import Row, measure


@dataclass
class WritesDown:
    """A contender that tells when it was asked, and fails from its round `fails_from` on."""

    name: str
    asked: list[str]
    fails_from: int = 99
    note: str = ""
    rounds: int = field(default=0, init=False)

    def round(self) -> Round:
        self.asked.append(self.name)
        self.rounds += 1
        if self.rounds >= self.fails_from:
            raise PeerAbsent(f"{self.name} broke")
        return Round(1.0, 1)

    def warm_up(self) -> None:
        self.asked.append(f"warm {self.name}")


def row(contender: WritesDown) -> Row:
    return Row(contender.name, contender.name, "", "documents", lambda: contender)


def test_rows_take_turns_and_every_second_round_runs_backwards() -> None:
    asked: list[str] = []
    measure([row(WritesDown("a", asked)), row(WritesDown("b", asked))], num_rounds=3)
    assert asked == ["warm a", "warm b", "a", "b", "b", "a", "a", "b"]


def test_row_that_fails_later_is_absent_and_the_others_go_on() -> None:
    asked: list[str] = []
    rows = [row(WritesDown("a", asked, fails_from=2)), row(WritesDown("b", asked))]
    bad, good = measure(rows, num_rounds=3)
    assert (bad.absence, bad.rounds) == ("a broke", [])
    assert (good.absence, len(good.rounds)) == ("", 3)


def test_row_that_does_not_start_is_absent() -> None:
    def start() -> Contender:
        raise PeerAbsent("not installed")

    (found,) = measure([Row("a", "a", "", "documents", start)], num_rounds=1)
    assert found.absence == "not installed"


def test_what_the_start_found_is_noted() -> None:
    (found,) = measure([row(WritesDown("a", [], note="the best is 4"))], num_rounds=1)
    assert found.note == "the best is 4"
