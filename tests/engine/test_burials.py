"""A worker that has closed its channel is heard out, and nobody is held up by one that does not end."""

from __future__ import annotations

import os
import resource
import selectors
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from quire.engine.burials import Burials
from quire.engine.channel import PeerGone
from quire.engine.child import LAST_WORDS_SECONDS, UNKILLABLE_SECONDS, Child
from quire.engine.connections import Outbox, Process
from quire.engine.messages import FromRenderer
from tests.fakes.stuck_child import stuck_child

PATIENCE_SECONDS = 30.0
HANGS_UP = "import os, sys, time; os.close(int(sys.argv[2])); "


class Cemetery:
    """Burials with a selector, as the engine's loop has them."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.burials = Burials(self.selector)
        self.statuses: list[int] = []

    def bury(self, child: Child) -> None:
        self.begin(Process(child, Outbox()))

    def begin(self, process: Process) -> None:
        self.burials.begin(process, self.statuses.append, now=0.0)

    def turn(self) -> None:
        """Waits until a process has ended."""
        for key, _ in self.selector.select(PATIENCE_SECONDS):
            key.data()

    @property
    def next_wakeup(self) -> float:
        wakeup = self.burials.next_wakeup
        assert wakeup is not None
        return wakeup


@pytest.fixture
def cemetery() -> Iterator[Cemetery]:
    cemetery = Cemetery()
    yield cemetery
    cemetery.burials.end_all()
    cemetery.selector.close()


def hung_up(program: str, *, arena_fd: int | None = None) -> Child:
    """A child that has hung up and runs `program`."""
    return Child((sys.executable, "-c", HANGS_UP + program), FromRenderer, arena_fd=arena_fd)


@contextmanager
def out_of_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def await_end(child: Child) -> None:
    """Leaves its exit status to be asked for."""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def test_the_exit_status_of_a_slow_end_is_heard(cemetery: Cemetery) -> None:
    cemetery.bury(hung_up("time.sleep(0.5); sys.exit(70)"))
    assert cemetery.statuses == []
    assert cemetery.next_wakeup == LAST_WORDS_SECONDS
    cemetery.turn()
    assert cemetery.statuses == [70]
    assert cemetery.burials.next_wakeup is None


def test_one_that_does_not_end_is_killed_when_its_time_is_up(cemetery: Cemetery) -> None:
    cemetery.bury(hung_up("time.sleep(600)"))
    cemetery.burials.check(LAST_WORDS_SECONDS - 0.1)
    cemetery.burials.check(LAST_WORDS_SECONDS)
    cemetery.turn()
    assert cemetery.statuses == [-signal.SIGKILL]


def test_one_that_even_that_does_not_end_is_left_to_its_fate(cemetery: Cemetery) -> None:
    with stuck_child(HANGS_UP + "time.sleep(600)") as child:
        cemetery.bury(child)
        cemetery.burials.check(LAST_WORDS_SECONDS)
        assert cemetery.next_wakeup == LAST_WORDS_SECONDS + UNKILLABLE_SECONDS
        cemetery.burials.check(cemetery.next_wakeup - 0.1)
        assert cemetery.statuses == []
        cemetery.burials.check(cemetery.next_wakeup)
        assert cemetery.statuses == [-signal.SIGKILL]
        assert cemetery.burials.next_wakeup is None


def test_one_that_was_reaped_already_is_told_all_the_same(cemetery: Cemetery) -> None:
    process = Process(Child((sys.executable, "-c", "raise SystemExit(3)"), FromRenderer), Outbox())
    with pytest.raises(PeerGone):
        process.channel.receive()
    process.child.reap()
    cemetery.begin(process)
    cemetery.burials.check(0.0)
    assert len(cemetery.statuses) == 1


def test_a_slow_end_that_nothing_announces_is_heard_all_the_same(cemetery: Cemetery) -> None:
    """An old kernel has no pidfd, and an engine with many callers may have no descriptor left for one."""
    told, teller = os.pipe()
    child = hung_up("os.read(int(sys.argv[6]), 1); sys.exit(70)", arena_fd=told)
    with out_of_descriptors():
        cemetery.bury(child)
    cemetery.burials.check(0.0)
    assert cemetery.statuses == []
    assert 0.0 < cemetery.next_wakeup < 1.0
    os.write(teller, b"!")
    await_end(child)
    cemetery.burials.check(cemetery.next_wakeup)
    assert cemetery.statuses == [70]
    for end in (told, teller):
        os.close(end)


def test_one_that_nothing_announces_is_killed_when_its_time_is_up(cemetery: Cemetery) -> None:
    child = hung_up("time.sleep(600)")
    with out_of_descriptors():
        cemetery.bury(child)
    cemetery.burials.check(LAST_WORDS_SECONDS - 0.01)
    assert not child.has_ended
    assert cemetery.next_wakeup == LAST_WORDS_SECONDS
    cemetery.burials.check(LAST_WORDS_SECONDS)
    await_end(child)
    cemetery.burials.check(cemetery.next_wakeup)
    assert cemetery.statuses == [-signal.SIGKILL]
