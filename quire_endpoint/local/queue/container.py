"""What does one container answer to one POST /invocations, and does async inference take that answer?"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from quire_endpoint.local.invocation import MAX_HEADER_BYTES
from quire_endpoint.local.queue import data_log, sending

BUFFER_BYTES = 256 * 1024

_OF_LONG_HEADERS = (http.client.LineTooLong, http.client.HTTPException)
"""Raised, as just these types, for a line over 64 KiB and for more than a hundred headers."""


class BadResponse(Exception):
    """An answer that async inference does not take; the message is the data-log's sentence."""


class ConnectionBroken(Exception):
    """The container did not answer, or not to the end; the message says how."""


class AnswerNotKept(Exception):
    """The container answered with `status`, and this machine's disk did not take the body; the message says
    why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """The body lies in the file that the caller named."""

    status: int
    content_type: str | None
    num_bytes: int

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class ContainerConnection:
    """To 127.0.0.1:`port`, made anew for each call: one that is kept may be closed by the container at the
    moment of the next call, of which nobody could tell then whether it has begun. One thread calls; another
    may cancel."""

    def __init__(self, port: int, max_response_bytes: int) -> None:
        self._port = port
        self._max_response_bytes = max_response_bytes
        self._socket: socket.socket | None = None
        self._is_cancelled = False

    def prepare(self) -> None:
        """Before a call: only a cancel after this ends it."""
        self._is_cancelled = False

    def cancel(self) -> None:
        """Ends the call in progress, or the next without a `prepare` between: it raises ConnectionBroken."""
        self._is_cancelled = True
        if (connected := self._socket) is not None:
            _shut_down(connected)

    def call(self, headers: Mapping[str, str], body: BinaryIO, num_bytes: int, answer: Path) -> Answer:
        """POSTs `num_bytes` of `body` and writes the answer's body to `answer`. Waits as long as the
        container takes. Raises BadResponse, ConnectionBroken, AnswerNotKept."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connected:
                self._socket = connected
                self._connect(connected)
                return self._exchange(connected, headers, body, num_bytes, answer)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionBroken(_said(error)) from error
        finally:
            self._socket = None

    def _exchange(
        self,
        connected: socket.socket,
        headers: Mapping[str, str],
        body: BinaryIO,
        num_bytes: int,
        answer: Path,
    ) -> Answer:
        http_connection = http.client.HTTPConnection("127.0.0.1", self._port)
        http_connection.sock = connected
        http_connection.putrequest("POST", "/invocations", skip_accept_encoding=True)
        http_connection.putheader("Content-Length", str(num_bytes))
        for name, value in headers.items():
            http_connection.putheader(name, value)
        _send(http_connection, body, num_bytes)
        with http.client.HTTPResponse(connected, method="POST") as response:
            return self._receive(response, answer)

    def _connect(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._is_cancelled:
            connected.connect(("127.0.0.1", self._port))
        if self._is_cancelled:
            raise ConnectionAbortedError("cancelled")

    def _receive(self, response: http.client.HTTPResponse, answer: Path) -> Answer:
        try:
            response.begin()
        except http.client.HTTPException as error:
            if type(error) in _OF_LONG_HEADERS:
                raise BadResponse(data_log.LONG_HEADERS) from error
            raise
        num_bytes = _checked_length(response)
        if num_bytes > self._max_response_bytes:
            raise BadResponse(data_log.too_large(num_bytes, self._max_response_bytes))
        with _disk_of_ours(response.status):
            file = answer.open("wb", buffering=0)
        with file:
            received = _copy(response, file)
        if received < num_bytes:
            raise ConnectionResetError(f"it closed after {received} of {num_bytes} bytes of its answer")
        return Answer(response.status, response.getheader("Content-Type"), num_bytes)


def _send(http_connection: http.client.HTTPConnection, body: BinaryIO, num_bytes: int) -> None:
    """Where not all of it can be sent, there may be an answer all the same."""
    with suppress(BrokenPipeError, ConnectionResetError):
        if num_bytes <= sending.CHUNK_BYTES:
            http_connection.endheaders(body.read(num_bytes))
        else:
            http_connection.endheaders()
            sending.send(http_connection.sock, body)


def _checked_length(response: http.client.HTTPResponse) -> int:
    if sum(len(name) + len(value) for name, value in response.getheaders()) > MAX_HEADER_BYTES:
        raise BadResponse(data_log.LONG_HEADERS)
    stated = response.getheader("Content-Length")
    if stated is None or response.length is None:
        raise BadResponse(data_log.NO_LENGTH)
    return response.length


def _copy(response: http.client.HTTPResponse, file: BinaryIO) -> int:
    buffer = memoryview(bytearray(min(BUFFER_BYTES, (response.length or 0) + 1)))
    total = 0
    while num_bytes := response.readinto(buffer):
        with _disk_of_ours(response.status):
            _write(file, buffer[:num_bytes])
        total += num_bytes
    return total


def _write(file: BinaryIO, block: memoryview) -> None:
    """A disk that is nearly full takes a part."""
    while block:
        block = block[file.write(block) :]


@contextmanager
def _disk_of_ours(status: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AnswerNotKept(status, str(error)) from error


def _shut_down(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
