"""How does a body of up to a gigabyte reach a container that may answer before it has read it all?"""

from __future__ import annotations

import select
import socket
from typing import BinaryIO

CHUNK_BYTES = 256 * 1024


def send(connected: socket.socket, body: BinaryIO) -> bool:
    """Whether all of `body` was sent. It stops where the other side answers or hangs up first. Blocks as long
    as the other side takes; shutting the socket down from another thread ends it."""
    poll = select.poll()
    poll.register(connected, select.POLLIN | select.POLLOUT)
    while chunk := memoryview(body.read(CHUNK_BYTES)):
        while chunk:
            _, events = poll.poll()[0]
            if events & ~select.POLLOUT:
                return False
            try:
                chunk = chunk[connected.send(chunk, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
    return True
