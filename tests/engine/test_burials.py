"""A worker that has closed its channel is heard out, and nobody is held up by one that does not end."""

from __future__ import annotations

import selectors
import signal
import sys
from collections.abc import Iterator

import pytest

from quire.engine.burials import Burials
from quire.engine.channel import PeerGone
from quire.engine.child import LAST_WORDS_SECONDS, Child
from quire.engine.connections import Outbox, Process
from quire.engine.messages import FromRenderer

PATIENCE_SECONDS = 30.0
HANGS_UP = "import os, sys, time; os.close(int(sys.argv[2])); "


class Cemetery:
    """Burials with a selector, as the engine's loop has them."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.burials = Burials(self.selector)
        self.statuses: list[int] = []

    def bury(self, program: str) -> Process:
        """A child that runs `program` and has hung up."""
        process = Process(Child((sys.executable, "-c", HANGS_UP + program), FromRenderer), Outbox())
        self.burials.begin(process, self.statuses.append, now=0.0)
        return process

    def turn(self) -> None:
        """Waits until a process has ended."""
        for key, _ in self.selector.select(PATIENCE_SECONDS):
            key.data()


@pytest.fixture
def cemetery() -> Iterator[Cemetery]:
    cemetery = Cemetery()
    yield cemetery
    cemetery.burials.end_all()
    cemetery.selector.close()


def test_the_exit_status_of_a_slow_end_is_heard(cemetery: Cemetery) -> None:
    cemetery.bury("time.sleep(0.5); sys.exit(70)")
    assert cemetery.statuses == []
    assert cemetery.burials.next_wakeup == LAST_WORDS_SECONDS
    cemetery.turn()
    assert cemetery.statuses == [70]
    assert cemetery.burials.next_wakeup is None


def test_one_that_does_not_end_is_killed_when_its_time_is_up(cemetery: Cemetery) -> None:
    cemetery.bury("time.sleep(600)")
    cemetery.burials.check(LAST_WORDS_SECONDS - 0.1)
    cemetery.burials.check(LAST_WORDS_SECONDS)
    cemetery.turn()
    assert cemetery.statuses == [-signal.SIGKILL]


def test_one_that_was_reaped_already_is_told_all_the_same(cemetery: Cemetery) -> None:
    process = Process(Child((sys.executable, "-c", "raise SystemExit(3)"), FromRenderer), Outbox())
    with pytest.raises(PeerGone):
        process.child.channel.receive()
    process.child.reap()
    cemetery.burials.begin(process, cemetery.statuses.append, now=5.0)
    cemetery.burials.check(5.0)
    assert len(cemetery.statuses) == 1
