"""What is kept of invocations, under which id, and for how long?"""

from __future__ import annotations

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Entry, Journal, Step


def received(journal: Journal, run: int, name: str = "") -> None:
    journal.write(entry(Step.RECEIVED, run, name))


def ended(journal: Journal, run: int, name: str = "") -> None:
    journal.write(entry(Step.ENDED, run, name))


def entry(step: Step, run: int, name: str = "") -> Entry:
    ending = Ending.COMPLETED if step is Step.ENDED else None
    return Entry(name or f"id-{run}", "reader", step, float(run), ending=ending, run=run)


def runs(timelines: list[list[Entry]]) -> list[int]:
    return [timeline[0].run for timeline in timelines]


def test_two_uses_of_one_id_at_once_are_two_timelines() -> None:
    journal = Journal()
    received(journal, 1, "twice")
    received(journal, 2, "other")
    received(journal, 3, "twice")
    ended(journal, 1, "twice")
    assert [one.step for one in journal.timeline("twice")] == [Step.RECEIVED]
    assert {one.run for one in journal.timeline("twice")} == {3}
    assert runs(journal.latest(2)) == [3, 2]
    assert [[one.step for one in line] for line in journal.latest(9)] == [
        [Step.RECEIVED],
        [Step.RECEIVED],
        [Step.RECEIVED, Step.ENDED],
    ]


def test_those_that_ended_last_are_kept_and_all_that_go_on() -> None:
    journal = Journal(kept=2)
    for run in range(1, 8):
        received(journal, run, "often" if run % 2 else "")
    for run in (2, 1, 4, 6, 3):
        ended(journal, run, "often" if run % 2 else "")
    assert runs(journal.latest(10)) == [7, 6, 5, 3]
    assert journal.timeline("id-4") == [] and journal.timeline("id-6")
    assert journal.timeline("often")[0].run == 7


def test_an_id_that_is_used_without_end_does_not_grow() -> None:
    journal = Journal(kept=3)
    for run in range(1, 50):
        received(journal, run, "same")
        ended(journal, run, "same")
    assert runs(journal.latest(100)) == [49, 48, 47]
    assert len(journal.timeline("same")) == 2


def test_what_comes_of_a_forgotten_one_is_told_and_not_kept() -> None:
    journal = Journal(kept=1)
    told: list[Entry] = []
    journal.listen(told.append)
    for run in (1, 2):
        received(journal, run)
        ended(journal, run)
    journal.write(entry(Step.DOWNLOADED, 1))
    assert told[-1].step is Step.DOWNLOADED
    assert runs(journal.latest(9)) == [2] and journal.timeline("id-1") == []
