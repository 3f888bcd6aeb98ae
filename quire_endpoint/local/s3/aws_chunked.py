"""What body lies in an aws-chunked request, and what do its trailers say?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from quire_endpoint.local.s3.errors import S3Error

BLOCK_BYTES = 256 * 1024
_MAX_LINE_BYTES = 8192


class AwsChunked:
    """Iterate over `blocks` once, to the end; `trailers` are whole from then on, names in lower case. Raises
    S3Error IncompleteBody where the framing is broken. The chunks' signatures are not verified."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.trailers: dict[str, str] = {}

    def blocks(self) -> Iterator[bytes]:
        while size := self._size(self._line()):
            yield from self._chunk(size)
            if self._line():
                raise S3Error("IncompleteBody", "A chunk is longer than its header says")
        self._read_trailers()

    def _chunk(self, size: int) -> Iterator[bytes]:
        while size:
            block = self._stream.read(min(size, BLOCK_BYTES))
            if not block:
                raise S3Error("IncompleteBody", "The request body ended within a chunk")
            size -= len(block)
            yield block

    def _read_trailers(self) -> None:
        while line := self._stream.readline(_MAX_LINE_BYTES).strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _line(self) -> bytes:
        line = self._stream.readline(_MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise S3Error("IncompleteBody", "The request body ended before its last chunk")
        return line.strip()

    def _size(self, line: bytes) -> int:
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            raise S3Error("IncompleteBody", f"{line[:40]!r} is not the header of a chunk") from None
