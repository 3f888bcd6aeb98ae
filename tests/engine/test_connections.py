"""When what the engine says is sent: work at once, courtesies when there is nothing else to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from quire.engine.channel import Channel, PeerGone
from quire.engine.connections import Outbox, Peer, Process
from quire.engine.messages import Accepted, Failed, FromEngine, Progress
from quire.words.errors import Fault
from tests.fakes.stuck_child import stuck_child

NOW, LATER = 0.0, float("inf")
FAILED = Failed(fault=Fault(code="x", message="y", retryable=False))


class Line:
    """A peer of an engine, and what has reached its other end."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        ours, theirs = socket.socketpair()
        self.peer = Peer(Channel(ours, FromEngine), self.outbox)
        self.other: Channel[Any, FromEngine] = Channel(theirs, FromEngine)

    def heard(self) -> list[FromEngine]:
        return list(self.other.receive_all())

    def close(self) -> None:
        self.peer.channel.close()
        self.other.close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def progress(pages_done: int) -> Progress:
    return Progress(pages_done=pages_done, pages_total=9)


def test_an_answer_is_sent_at_the_end_of_the_turn_with_all_that_waited(line: Line) -> None:
    line.peer.send(progress(1))
    line.outbox.flush(NOW)
    assert line.heard() == []
    line.peer.send(FAILED)
    line.outbox.flush(NOW)
    assert line.heard() == [FAILED]
    assert line.outbox.next_wakeup is None


def test_a_client_hears_at_once_that_the_engine_has_its_document(line: Line) -> None:
    """It counts the engine's death against the document from then on."""
    line.peer.send(Accepted())
    line.outbox.flush(NOW)
    assert line.heard() == [Accepted()]


def test_what_can_wait_is_sent_when_it_has_waited_long_enough(line: Line) -> None:
    line.peer.send(progress(1))
    due_at = line.outbox.next_wakeup
    assert due_at is not None
    line.outbox.flush(due_at - 0.001)
    assert line.heard() == []
    line.outbox.flush(due_at)
    assert line.heard() == [progress(1)]
    assert line.outbox.next_wakeup is None


def test_of_several_steps_only_the_last_is_told_and_none_before_an_answer(line: Line) -> None:
    for pages_done in range(1, 5):
        line.peer.send(progress(pages_done))
    line.outbox.flush(LATER)
    assert line.heard() == [progress(4)]
    line.peer.send(progress(5))
    line.peer.send(FAILED)
    line.outbox.flush(NOW)
    assert line.heard() == [FAILED]


def test_a_client_that_reads_nothing_misses_its_progress_and_holds_nobody_up(line: Line) -> None:
    line.peer.channel.limit_sending(0.01)
    long = Failed(fault=Fault(code="x", message="y" * 10_000_000, retryable=False))
    line.peer.send(long)
    line.outbox.flush(NOW)
    line.peer.send(progress(1))
    line.outbox.flush(LATER)
    line.peer.send(FAILED)
    line.outbox.flush(NOW)
    assert FAILED not in line.heard()


def test_a_client_that_is_gone_harms_nobody(line: Line) -> None:
    line.other.close()
    line.peer.send(FAILED)
    line.outbox.flush(NOW)
    line.peer.send(progress(1))
    line.outbox.flush(LATER)


def test_a_worker_that_is_killed_has_hung_up_even_where_it_does_not_end() -> None:
    """Its work is given to others at once."""
    with stuck_child("import time; time.sleep(600)") as child:
        process = Process(child, Outbox())
        assert not process.channel.has_message()
        process.kill()
        assert not child.has_ended
        assert process.channel.has_message()
        with pytest.raises(PeerGone):
            process.channel.receive()
