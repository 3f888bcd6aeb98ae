"""What listens at the local endpoint's URL?"""

from __future__ import annotations

import resource
import socket
import threading
from contextlib import suppress
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.server import TcpWSGIServer, create_server

from quire_endpoint.local.url.channel import Channel
from quire_endpoint.local.url.dispatcher import GrowingDispatcher

HOST = "127.0.0.1"
MAX_BODY_BYTES = 6 * 1024**3
"""S3 takes 5 GiB in one put; in aws-chunked framing that is a little more."""

BACKLOG = 1024
MAX_CONNECTIONS = 2000
_DESCRIPTORS_WANTED = 8192
_DESCRIPTORS_PER_CONNECTION = 3
"""Its socket, and a file each for a body that comes and one that goes."""


class Server:
    """`app` at 127.0.0.1:`port`; port 0 picks a free one. Listens from construction on, answers from `start`
    on. Bodies over 512 KiB are spooled to files in the temporary folder (TMPDIR), both ways; files that are
    sent with wsgi.file_wrapper are not. `threads` wait from the beginning: more come as they are needed.
    Raises OSError where the port is taken."""

    def __init__(self, app: WSGIApplication, port: int, threads: int = 16) -> None:
        listener = socket.create_server((HOST, port), backlog=BACKLOG)
        self._sockets: dict[int, Any] = {}
        self._dispatcher = GrowingDispatcher(threads)
        self._server: TcpWSGIServer = create_server(
            app,
            map=self._sockets,
            _dispatcher=self._dispatcher,
            sockets=[listener],
            ident=None,
            asyncore_use_poll=True,
            backlog=BACKLOG,
            connection_limit=_connection_limit(),
            recv_bytes=256 * 1024,
            max_request_body_size=MAX_BODY_BYTES,
            log_socket_errors=False,
            clear_untrusted_proxy_headers=True,
        )
        self._server.channel_class = Channel
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="url-server", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.effective_port)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Requests at work get two seconds; then every connection is closed."""
        self._closing.set()
        if self._thread.is_alive():
            self._server.pull_trigger()
            self._thread.join()
        self._dispatcher.shutdown(cancel_pending=True, timeout=2)
        wasyncore.close_all(self._sockets, ignore_all=True)

    def _run(self) -> None:
        while not self._closing.is_set():
            wasyncore.loop(timeout=1, use_poll=True, map=self._sockets, count=1)


def _connection_limit() -> int:
    """What the limit of open files leaves room for, raised first as far as we may: it is 256 on a Mac."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    may_open = _DESCRIPTORS_WANTED if soft == resource.RLIM_INFINITY else soft
    return min(MAX_CONNECTIONS, may_open // _DESCRIPTORS_PER_CONNECTION)
