"""Where do the keys and values of sequences lie? In rows of tensors that all sequences share.

A step's sequences are brought into the first rows, so that attention reads the tensors in place: nothing
is gathered or joined from step to step, only the new token's keys and values are written. Rows are moved
when the company changes. The tensors grow as they must; they shrink only where they grow in the other
direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import DeviceOutOfMemory
from quire.models.decoding.sequences import PageSequence
from quire.models.device_faults import translated_device_faults

_ROOM_TOKENS = 256
"""Room for tokens is made by so many at once."""


class NoRoomForRows(Exception):
    """The rows cannot grow. What they need hangs on the longest sequence and on all that are held, not on
    how many are written together: so it is no DeviceOutOfMemory, of which smaller batches are learnt."""


@dataclass(frozen=True)
class LayerState:
    """Keys and values of one layer, each [rows, heads, tokens, head size]."""

    keys: Tensor
    values: Tensor


@dataclass(frozen=True)
class SequenceState:
    """All that a network keeps of sequences of one length: `own` of their tokens, layer by layer, and
    `crossed` of the image where the decoder looks at it in layers of their own."""

    own: tuple[LayerState, ...]
    crossed: tuple[LayerState, ...] = ()


class _Room:
    """One layer's tensors. What no token has written yet is nought: though it is masked, an infinity there
    would make a row's answer nonsense."""

    def __init__(self) -> None:
        self.keys = self.values = torch.empty(0)

    def make(self, like: LayerState, num_rows: int, num_tokens: int) -> None:
        self.keys = _widened(self.keys, like.keys, num_rows, num_tokens)
        self.values = _widened(self.values, like.values, num_rows, num_tokens)

    def put(self, row: int, state: LayerState, index: int) -> None:
        for room, new in ((self.keys, state.keys), (self.values, state.values)):
            room[row, :, : new.shape[2]] = new[index]
            room[row, :, new.shape[2] :] = 0

    def swap(self, row: int, other: int) -> None:
        pair = [row, other]
        for room in (self.keys, self.values):
            room[pair] = room[pair[::-1]]

    def first(self, num_rows: int) -> LayerState:
        return LayerState(self.keys[:num_rows], self.values[:num_rows])


def _widened(room: Tensor, like: Tensor, num_rows: int, num_tokens: int) -> Tensor:
    if room.dim() < 4:
        return like.new_zeros(num_rows, like.shape[1], num_tokens, like.shape[3])
    if room.shape[0] >= num_rows and room.shape[2] >= num_tokens:
        return room
    wider = like.new_zeros(num_rows, room.shape[1], max(num_tokens, room.shape[2]), room.shape[3])
    kept = min(num_rows, room.shape[0])
    wider[:kept, :, : room.shape[2]] = room[:kept]
    return wider


class Rows:
    """Which sequence lies in which row. Used from the device's thread alone; sequences may be over at
    any moment, and their rows are then free."""

    def __init__(self) -> None:
        self._rows: list[PageSequence] = []
        self._own: list[_Room] = []
        self._crossed: list[_Room] = []

    def __contains__(self, sequence: PageSequence) -> bool:
        return sequence in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def row_bytes(self, num_tokens: int) -> int:
        """Of one row with room for so many tokens; 0 before the first page."""
        a_token = sum(_row_bytes(room) // room.keys.shape[2] for room in self._own)
        return a_token * _rounded_up(num_tokens) + sum(_row_bytes(room) for room in self._crossed)

    @property
    def num_taken(self) -> int:
        return sum(not sequence.is_over for sequence in self._rows)

    def admit(self, sequence: PageSequence, state: SequenceState, index: int) -> None:
        """Row `index` of `state` is the sequence's from now on. Admitting it again starts it anew. Raises
        NoRoomForRows, and ValueError for a picture of another size than before: no row is taken then."""
        if not self._own:
            self._own = [_Room() for _ in state.own]
            self._crossed = [_Room() for _ in state.crossed]
        own, crossed = (
            list(zip(rooms, layers, strict=True))
            for rooms, layers in ((self._own, state.own), (self._crossed, state.crossed))
        )
        if any(room.keys.dim() == 4 and room.keys.shape[2] != new.keys.shape[2] for room, new in crossed):
            raise ValueError("the image processor gives pictures of different sizes")
        row = self._row_for(sequence)
        num_rows = max(len(self._rows), row + 1)
        with _growing():
            for room, layer in own:
                room.make(layer, num_rows, _rounded_up(layer.keys.shape[2]))
            for room, layer in crossed:
                room.make(layer, num_rows, layer.keys.shape[2])
        for room, layer in (*own, *crossed):
            room.put(row, layer, index)
        self._rows[row : row + 1] = [sequence]

    def in_front(self, wanted: Sequence[PageSequence], num_tokens: int) -> SequenceState:
        """Brings these sequences, in any order, into the first rows, with room for `num_tokens` each.
        What is given back are the tensors themselves: what is written there stays. Raises NoRoomForRows."""
        with _growing():
            self._bring_to_front(wanted)
            self._leave_out_free_rows(len(wanted))
            for room in self._own:
                room.make(room.first(1), len(self._rows), _rounded_up(num_tokens))
        num_rows = len(wanted)
        return SequenceState(
            tuple(room.first(num_rows) for room in self._own),
            tuple(room.first(num_rows) for room in self._crossed),
        )

    def row_of(self, sequence: PageSequence) -> int:
        return self._rows.index(sequence)

    def _row_for(self, sequence: PageSequence) -> int:
        """Its own, the first that is free, or a new one."""
        if sequence in self._rows:
            return self._rows.index(sequence)
        free = (row for row, held in enumerate(self._rows) if held.is_over)
        return next(free, len(self._rows))

    def _leave_out_free_rows(self, num_wanted: int) -> None:
        """Those at the end: when more room for tokens is made, they need none. What is wanted stays, over
        or not."""
        while len(self._rows) > num_wanted and self._rows[-1].is_over:
            self._rows.pop()

    def _bring_to_front(self, wanted: Sequence[PageSequence]) -> None:
        num = len(wanted)
        chosen = set(map(id, wanted))
        outside = [row for row in range(num, len(self._rows)) if id(self._rows[row]) in chosen]
        in_the_way = (row for row in range(num) if id(self._rows[row]) not in chosen)
        for row, other in zip(in_the_way, outside, strict=True):
            self._swap(row, other)

    def _swap(self, row: int, other: int) -> None:
        try:
            for room in (*self._own, *self._crossed):
                room.swap(row, other)
        except BaseException:
            # Some layers are swapped and some are not: both sequences are lost.
            self._rows[row], self._rows[other] = _nobody(), _nobody()
            raise
        self._rows[row], self._rows[other] = self._rows[other], self._rows[row]


def _nobody() -> PageSequence:
    return PageSequence(np.empty((0, 0, 3), np.uint8), is_over=True)


def _row_bytes(room: _Room) -> int:
    return (room.keys[0].numel() + room.values[0].numel()) * room.keys.element_size()


@contextmanager
def _growing() -> Iterator[None]:
    try:
        with translated_device_faults():
            yield
    except DeviceOutOfMemory as error:
        raise NoRoomForRows(f"there is no memory for longer or more sequences: {error}") from error


def _rounded_up(num_tokens: int) -> int:
    return -(-num_tokens // _ROOM_TOKENS) * _ROOM_TOKENS
