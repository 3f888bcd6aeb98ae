"""What is said over a connection arrives whole, in order, and in as few goes as it was sent in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from quire.engine.channel import Channel, PeerGone, readable
from quire.engine.messages import Accepted, Failed, FromEngine, Progress
from quire.words.errors import Fault

DONE = [Progress(pages_done=number, pages_total=100) for number in range(100)]


Ends = tuple[socket.socket, Channel[Any, FromEngine]]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A bare socket and the channel at its other end."""
    bare, other = socket.socketpair()
    channel: Channel[Any, FromEngine] = Channel(other, FromEngine)
    yield bare, channel
    bare.close()
    channel.close()


def sent(*messages: Any) -> bytes:
    """The bytes of these messages."""
    ours, theirs = socket.socketpair()
    with ours:
        channel: Channel[Any, FromEngine] = Channel(theirs, FromEngine)
        channel.send_all(messages)
        channel.close()
        return b"".join(iter(lambda: ours.recv(65536), b""))


def test_messages_sent_in_one_go_are_received_one_by_one(
    ends: Ends,
) -> None:
    bare, channel = ends
    bare.sendall(sent(*DONE))
    received = []
    while channel.has_message():
        received.append(channel.receive())
    assert received == DONE


def test_what_is_left_after_one_message_still_makes_the_connection_readable(
    ends: Ends,
) -> None:
    bare, channel = ends
    bare.sendall(sent(Accepted(), DONE[1]))
    assert channel.receive() == Accepted()
    assert channel.has_message()


def test_all_that_came_is_taken_at_once_and_a_part_waits_for_the_rest(
    ends: Ends,
) -> None:
    bare, channel = ends
    whole = sent(*DONE)
    taken = []
    for cut in range(0, len(whole), 7):
        bare.sendall(whole[cut : cut + 7])
        taken += list(channel.receive_all())
    assert taken == DONE
    assert list(channel.receive_all()) == []


def test_a_message_longer_than_a_socket_holds_comes_whole(
    ends: Ends,
) -> None:
    bare, channel = ends
    long = Failed(fault=Fault(code="x", message="y" * 3_000_000, retryable=False))
    speaker: Channel[Any, FromEngine] = Channel(bare.dup(), FromEngine)
    saying = threading.Thread(target=speaker.send, args=(long,))
    saying.start()
    taken = list[Any]()
    while not taken:
        readable([channel])
        taken += list(channel.receive_all())
    saying.join()
    speaker.close()
    assert taken == [long]


def test_the_last_words_are_heard_before_the_end(
    ends: Ends,
) -> None:
    bare, channel = ends
    bare.sendall(sent(*DONE))
    bare.close()
    assert list(channel.receive_all()) == DONE
    with pytest.raises(PeerGone):
        list(channel.receive_all())


def test_nonsense_is_the_end_after_what_was_said_before_it(
    ends: Ends,
) -> None:
    bare, channel = ends
    bare.sendall(sent(Accepted()) + b"\x00\x00\x00\x02\xc1\xc1")
    taken = channel.receive_all()
    assert next(taken) == Accepted()
    with pytest.raises(PeerGone):
        next(taken)


def test_what_cannot_be_encoded_leaves_the_connection_as_it_was(
    ends: Ends,
) -> None:
    bare, channel = ends
    unsayable = Failed(fault=Fault(code="x", message="\ud800", retryable=False))
    with pytest.raises(UnicodeEncodeError):
        channel.send_all((Accepted(), unsayable))
    channel.send(DONE[5])
    assert bare.recv(65536) == sent(DONE[5])
