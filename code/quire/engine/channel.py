"""Messages over one connection. End of file is the peer's death."""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from quire.engine.hang_up import HasFileno

Sent = TypeVar("Sent")
Received = TypeVar("Received")

_LENGTH = struct.Struct("!I")
"""Each message is led by the number of its bytes."""

_READ_BYTES = 1 << 18


def readable(sources: Sequence[HasFileno], timeout_seconds: float | None = None) -> list[HasFileno]:
    """Those of `sources` that have something to read, or are at their end; none when the time is up."""
    ready: list[Any] = wait(list[Any](sources), timeout_seconds)
    return ready


class Sources:
    """A wait over the same few sources, again and again: they are registered once."""

    def __init__(self, *sources: HasFileno) -> None:
        self._poll = select.poll()
        self._sources = {source.fileno(): source for source in sources}
        for fd in self._sources:
            self._poll.register(fd, select.POLLIN)

    def readable(self, timeout_seconds: float | None) -> list[HasFileno]:
        """As `readable` of all."""
        timeout = None if timeout_seconds is None else math.ceil(timeout_seconds * 1000)
        return [self._sources[fd] for fd, _ in self._poll.poll(timeout)]


class PeerGone(Exception):
    """The process at the other end has died or hung up."""


class Channel(Generic[Sent, Received]):
    """Sends messages of one union and receives those of another, whole or not at all.

    One end is read either by `receive`, which takes one message and nothing of the next, so that the
    connection is readable while any is left; or by `receive_all`, which never waits.
    """

    def __init__(self, connected: socket.socket, receives: Any) -> None:
        self._socket = connected
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_encode_path)
        self._decoder = _decoder(receives)
        self._came = bytearray()

    @classmethod
    def from_fd(cls, fd: int, receives: Any) -> Channel[Sent, Received]:
        """Takes over an inherited socket."""
        os.set_inheritable(fd, False)
        return cls(socket.socket(fileno=fd), receives)

    @classmethod
    def connect(
        cls, address: Path, receives: Any, send_seconds: float | None = None
    ) -> Channel[Sent, Received]:
        """Raises PeerGone when nobody listens at the Unix socket `address`, or its backlog stays full for
        `send_seconds`, to which sending is limited from then on."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel: Channel[Sent, Received] = cls(connected, receives)
        try:
            if send_seconds is not None:
                channel.limit_sending(send_seconds)
            connected.connect(str(address))
        except OSError as error:
            connected.close()
            raise PeerGone(str(address)) from error
        return channel

    def send(self, message: Sent) -> None:
        self.send_all((message,))

    def send_all(self, messages: Iterable[Sent]) -> None:
        """In one go: a peer that waits is woken once. What cannot be encoded raises before anything is
        sent."""
        encoded = [self._encoder.encode(message) for message in messages]
        parts = (part for body in encoded for part in (_LENGTH.pack(len(body)), body))
        try:
            self._socket.sendall(b"".join(parts))
        except OSError as error:
            raise PeerGone from error

    def receive(self) -> Received:
        """Waits for one message. Raises PeerGone at end of file, or for a peer that sends nonsense."""
        (num_bytes,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return self._decode(self._read(num_bytes))

    def _read(self, num_bytes: int) -> bytes:
        data = bytearray()
        while len(data) < num_bytes:
            try:
                part = self._socket.recv(num_bytes - len(data), socket.MSG_WAITALL)
            except OSError as error:
                raise PeerGone from error
            if not part:
                raise PeerGone
            if len(part) == num_bytes:
                return part
            data += part
        return bytes(data)

    def receive_all(self) -> Iterator[Received]:
        """The messages that have come whole, perhaps none. A part of one waits for the rest. Raises
        PeerGone as `receive` does, when those before were taken."""
        try:
            part = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise PeerGone from error
        if not part:
            raise PeerGone
        self._came += part
        begin = 0
        while len(self._came) >= begin + _LENGTH.size:
            (num_bytes,) = _LENGTH.unpack_from(self._came, begin)
            end = begin + _LENGTH.size + num_bytes
            if len(self._came) < end:
                break
            yield self._decode(memoryview(self._came)[begin + _LENGTH.size : end].tobytes())
            begin = end
        del self._came[:begin]

    def _decode(self, body: bytes) -> Received:
        try:
            received: Received = self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise PeerGone from error
        return received

    @property
    def has_room(self) -> bool:
        """Whether a small message can be sent without waiting for the peer to read: never once this end is
        closed, since what was to be said to one that is gone may still lie here."""
        return self._socket.fileno() >= 0 and bool(self._poll(select.POLLOUT))

    def has_message(self) -> bool:
        """Whether `receive` would return or raise at once."""
        return bool(self._poll(select.POLLIN))

    def _poll(self, events: int) -> list[tuple[int, int]]:
        poll = select.poll()
        poll.register(self._socket, events)
        return poll.poll(0)

    def limit_sending(self, timeout_seconds: float) -> None:
        """From now on a peer that takes nothing for so long is given up: `send` raises PeerGone."""
        seconds, micros = divmod(max(1, int(timeout_seconds * 1_000_000)), 1_000_000)  # 0 is for ever
        parts = struct.pack("ll", seconds, micros)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, parts)

    def hang_up(self) -> None:
        """Ends the connection for both sides; the next `receive` raises PeerGone."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


_DECODERS: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
"""By the union that is received: making one takes longer than a message."""


def _decoder(receives: Any) -> msgspec.msgpack.Decoder[Any]:
    if receives not in _DECODERS:
        _DECODERS[receives] = msgspec.msgpack.Decoder(receives, dec_hook=_decode_path)
    return _DECODERS[receives]


def _encode_path(value: object) -> bytes:
    """A path is bytes: not every file name is a text."""
    if isinstance(value, Path):
        return os.fsencode(value)
    raise NotImplementedError(f"{type(value)} in a message: this is a bug")


def _decode_path(kind: type, value: Any) -> Path:
    if kind is Path:
        return Path(os.fsdecode(value))
    raise NotImplementedError(f"{kind} in a message: this is a bug")
