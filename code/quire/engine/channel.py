"""Messages over one connection. End of file is the peer's death."""

from __future__ import annotations

import os
import socket
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
        unconnected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            unconnected.connect(str(address))
        except OSError as error:
            unconnected.close()
            raise PeerGone(str(address)) from error
        return cls(Connection(unconnected.detach()), receives)

    def send(self, message: Sent) -> None:
        try:
            self._connection.send_bytes(self._encoder.encode(message))
        except OSError as error:
            raise PeerGone from error

    def receive(self) -> Received:
        """Waits for one message. Raises PeerGone at end of file."""
        try:
            received: Received = self._decoder.decode(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise PeerGone from error
        return received

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


def _encode_path(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value)} in a message: this is a bug")


def _decode_path(kind: type, value: Any) -> Path:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"{kind} in a message: this is a bug")
