"""A container that answers every request with the bytes that it was given, and keeps what it was sent."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import BinaryIO, Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/x-said\r\n\r\nhi"


class ScriptedContainer:
    """Listens on a free port of 127.0.0.1. Closes the connection `idle_seconds` after an answer, which does
    not announce it, unless `is_kept`; with `is_hasty` it answers before it has read the body."""

    def __init__(
        self,
        answer: bytes = OK,
        *,
        is_kept: bool = False,
        is_hasty: bool = False,
        idle_seconds: float = 0.0,
    ) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.num_connections = 0
        self.is_answering = threading.Event()
        self.is_answering.set()
        self.asked = threading.Semaphore(0)
        self._is_kept, self._is_hasty, self._idle_seconds = is_kept, is_hasty, idle_seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_answering.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.hang_up()
        for thread in self._threads[1:]:
            thread.join()
        self._listener.close()

    def await_asked(self) -> None:
        """For one more request."""
        assert self.asked.acquire(timeout=20.0), "nobody asks"

    def hang_up(self) -> None:
        """Closes every connection."""
        for connected in self._connections:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            self.num_connections += 1
            self._connections.append(connected)
            self._threads.append(threading.Thread(target=self._serve, args=(connected,)))
            self._threads[-1].start()

    def _serve(self, connected: socket.socket) -> None:
        with connected, connected.makefile("rb") as stream:
            try:
                while self._serve_one(connected, stream) and self._is_kept:
                    pass
                time.sleep(self._idle_seconds)
            except OSError:
                return

    def _serve_one(self, connected: socket.socket, stream: BinaryIO) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return False
            head += line
        self.heads.append(head)
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        if not self._is_hasty:
            self.bodies.append(stream.read(length))
        self.asked.release()
        self.is_answering.wait()
        connected.sendall(self.answer)
        if self._is_hasty:
            self.bodies.append(stream.read(length))
        return True
