"""What keeps one connection from holding up another, below HTTP."""

from __future__ import annotations

import socket
import threading

import pytest

from quire.process.front_end_worker import bid_farewell, limit_silence


def test_a_silent_peer_is_not_waited_for_for_ever() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        limit_silence(ours, 0.05)
        with pytest.raises(BlockingIOError):
            ours.recv(1)
        with pytest.raises(BlockingIOError):
            ours.sendall(bytes(10_000_000))


def test_a_peer_that_still_sends_can_read_its_answer() -> None:
    """Without the farewell's reading on, the kernel answers the peer's bytes with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
        ours.sendall(b"413")
        farewell = threading.Thread(target=bid_farewell, args=(ours,))
        farewell.start()
        theirs.sendall(bytes(20_000_000))
        assert theirs.recv(10) == b"413"
        theirs.close()
        farewell.join()
        assert ours.fileno() == -1
