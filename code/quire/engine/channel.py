"""Messages over one connection. End of file is the peer's death."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from quire.engine.hang_up import HasFileno

Sent = TypeVar("Sent")
Received = TypeVar("Received")


def readable(sources: Sequence[HasFileno], timeout_seconds: float | None = None) -> list[HasFileno]:
    """Those of `sources` that have something to read, or are at their end; none when the time is up."""
    ready: list[Any] = wait(list[Any](sources), timeout_seconds)
    return ready


class PeerGone(Exception):
    """The process at the other end has died or hung up."""


class Channel(Generic[Sent, Received]):
    """Sends messages of one union and receives those of another, whole or not at all."""

    def __init__(self, connection: Connection, receives: Any) -> None:
        self._connection = connection
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_encode_path)
        self._decoder = msgspec.msgpack.Decoder(receives, dec_hook=_decode_path)

    @classmethod
    def from_fd(cls, fd: int, receives: Any) -> Channel[Sent, Received]:
        """Takes over an inherited socket."""
        os.set_inheritable(fd, False)
        return cls(Connection(fd), receives)

    @classmethod
    def connect(cls, address: Path, receives: Any) -> Channel[Sent, Received]:
        """Raises PeerGone when nobody listens at the Unix socket `address`."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
                connected.connect(str(address))
                return cls(Connection(connected.detach()), receives)
        except OSError as error:
            raise PeerGone(str(address)) from error

    def send(self, message: Sent) -> None:
        try:
            self._connection.send_bytes(self._encoder.encode(message))
        except OSError as error:
            raise PeerGone from error

    def receive(self) -> Received:
        """Waits for one message. Raises PeerGone at end of file, or for a peer that sends nonsense."""
        try:
            received: Received = self._decoder.decode(self._connection.recv_bytes())
        except (EOFError, OSError, msgspec.MsgspecError) as error:
            raise PeerGone from error
        return received

    @property
    def has_room(self) -> bool:
        """Whether a small message can be sent without waiting for the peer to read."""
        poll = select.poll()
        poll.register(self._connection, select.POLLOUT)
        return bool(poll.poll(0))

    def limit_sending(self, timeout_seconds: float) -> None:
        """From now on a peer that takes nothing for so long is given up: `send` raises PeerGone."""
        with socket.socket(fileno=os.dup(self._connection.fileno())) as same:
            seconds = int(timeout_seconds)
            parts = struct.pack("ll", seconds, int((timeout_seconds - seconds) * 1_000_000))
            same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, parts)

    def hang_up(self) -> None:
        """Ends the connection for both sides; the next `receive` raises PeerGone."""
        with socket.socket(fileno=os.dup(self._connection.fileno())) as same, contextlib.suppress(OSError):
            same.shutdown(socket.SHUT_RDWR)

    def has_message(self) -> bool:
        """Whether `receive` would return or raise at once."""
        try:
            return self._connection.poll(0)
        except OSError:
            return True

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()


def _encode_path(value: object) -> bytes:
    """A path is bytes: not every file name is a text."""
    if isinstance(value, Path):
        return os.fsencode(value)
    raise NotImplementedError(f"{type(value)} in a message: this is a bug")


def _decode_path(kind: type, value: Any) -> Path:
    if kind is Path:
        return Path(os.fsdecode(value))
    raise NotImplementedError(f"{kind} in a message: this is a bug")
