"""The memory that page pixels cross in: one memfd, made by the engine and inherited by its workers.

The ledger, which hands out spans of it, is pure; the mapping is each process's own.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from quire.engine.port import Pixels
from quire.words.reading import PageSize

ALIGNMENT_BYTES = 4096


@dataclass(frozen=True, order=True)
class Span:
    """Bytes of the arena that belong to one page."""

    offset: int
    num_bytes: int

    @property
    def end(self) -> int:
        return self.offset + self.num_bytes


class ArenaLedger:
    """Which bytes are free. First fit; neighbours are joined again when they are given back."""

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        self._free = [Span(0, num_bytes)]

    @property
    def num_free_bytes(self) -> int:
        return sum(span.num_bytes for span in self._free)

    def take(self, num_bytes: int) -> Span | None:
        """A span of at least that many bytes, or None while no hole is large enough."""
        rounded = -(-num_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        for index, hole in enumerate(self._free):
            if hole.num_bytes >= rounded:
                self._free.pop(index)
                if hole.num_bytes > rounded:
                    self._free.insert(index, Span(hole.offset + rounded, hole.num_bytes - rounded))
                return Span(hole.offset, rounded)
        return None

    def give_back(self, span: Span) -> None:
        index = bisect_left(self._free, span)
        before = self._free[index - 1] if index else None
        after = self._free[index] if index < len(self._free) else None
        if (before and before.end > span.offset) or (after and span.end > after.offset):
            raise ValueError(f"{span} was given back twice: this is a bug")
        begin, end, first, last = span.offset, span.end, index, index
        if before and before.end == begin:
            begin, first = before.offset, index - 1
        if after and after.offset == end:
            end, last = after.end, index + 1
        self._free[first:last] = [Span(begin, end - begin)]


def create_arena(num_bytes: int) -> int:
    """The file descriptor of a new memfd. It takes memory page by page, as it is first written."""
    fd = os.memfd_create("quire-arena", os.MFD_CLOEXEC)
    os.ftruncate(fd, num_bytes)
    return fd


class ArenaMap:
    """A process's view of the arena."""

    def __init__(self, fd: int) -> None:
        self._bytes = np.frombuffer(mmap.mmap(fd, 0), dtype=np.uint8)

    def pixels(self, offset: int, size: PageSize) -> Pixels:
        """The page at `offset`: a view, height × width × 3."""
        flat = self._bytes[offset : offset + size.num_bytes]
        return flat.reshape(size.height_px, size.width_px, 3)
