"""gunicorn's threaded worker, kept from two ways of making /ping wait.

gunicorn gives a thread to every connection that is opened, five seconds long, even when nothing is
sent on it; here a connection waits in the poller until it has something to say. And gunicorn ends
connections in the one thread that accepts them, waiting for the peer up to two seconds; here other
threads do. docs/decisions/0005 says more.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from quire.frontend.app import EXTENSION

SILENCE_SECONDS = 60.0
"""How long a peer may send nothing in the midst of a request, or take nothing of its answer."""

FAREWELL_SECONDS = 5.0
FAREWELL_THREADS = 8
_DISCARDED_BYTES = 256 * 1024
_UNREAD_SECONDS = 0.1

_PASSING = (errno.EAGAIN, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class FrontEndWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """One per front end."""

    def init_process(self) -> None:
        self.wsgi: Any = None  # SIGTERM may come while the application is loaded
        self.farewells = ThreadPoolExecutor(FAREWELL_THREADS, thread_name_prefix="farewell")
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Takes a connection, and leaves it in the poller until its first byte."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in _PASSING:
                raise
            return
        limit_silence(client, SILENCE_SECONDS)
        connection = FrontEndConnection(self.cfg, client, address, listener.getsockname())
        connection.farewells = self.farewells
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.nr_conns += 1
        self.pending_conns.append(connection)
        resume = partial(self.on_pending_socket_readable, connection)
        self.poller.register(client, selectors.EVENT_READ, resume)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """A connection whose request was refused before its body was read is not kept: the rest of
        the body is thrown away by its farewell, where it holds up nobody."""
        if not keepalive:
            return False
        return bool(conn.parser.finish_body(deadline=time.monotonic() + _UNREAD_SECONDS))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: whoever waits for the engine is answered now."""
        front_end = getattr(self.wsgi, "extensions", {}).get(EXTENSION)
        if front_end is not None:
            front_end.close()
        super().handle_exit(sig, frame)


class FrontEndConnection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection that is ended off the accepting thread."""

    farewells: ThreadPoolExecutor

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self.farewells.submit(bid_farewell, self.sock)
        else:
            super().close()


def bid_farewell(peer: socket.socket) -> None:
    """Closes our side, and reads on until the peer has closed its own: bytes that are never read
    would make the kernel reset the connection, and the answer could be lost (RFC 9112, 9.6)."""
    until = time.monotonic() + FAREWELL_SECONDS
    buffer = bytearray(_DISCARDED_BYTES)
    with contextlib.suppress(OSError), peer:
        peer.shutdown(socket.SHUT_WR)
        while (remaining := until - time.monotonic()) > 0:
            peer.settimeout(remaining)
            if not peer.recv_into(buffer):
                return


def limit_silence(client: socket.socket, seconds: float) -> None:
    """In the kernel, since gunicorn sets Python's own timeout back for every request. A read that
    comes to nothing then raises BlockingIOError."""
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
