"""Whatever comes, goes and is written in which order: each sequence finds its own keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from quire.models.decoding.rows import LayerState, NoRoomForRows, Rows, SequenceState
from quire.models.decoding.sequences import PageSequence
from quire.models.device_faults import translated_device_faults

PIXELS = np.zeros((1, 1, 3), np.uint8)
NUM_CROSSED = 3


def layer(values: Sequence[Sequence[float]]) -> LayerState:
    """One head of size one; values are the keys and, negative, the values."""
    keys = torch.tensor(values, dtype=torch.float32)[:, None, :, None]
    return LayerState(keys, -keys)


class Book:
    """Rows, and beside them what each sequence must find."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.written: dict[PageSequence, list[float]] = {}
        self.crossed: dict[PageSequence, list[float]] = {}
        self._number = 0.0

    def admit(self, lengths: Sequence[int]) -> None:
        """A batch for each length; sequences of one length come together."""
        for length in sorted(set(lengths)):
            pages = [PageSequence(PIXELS, length=length) for each in lengths if each == length]
            own = [[self._next() for _ in range(length)] for _ in pages]
            crossed = [[self._next() for _ in range(NUM_CROSSED)] for _ in pages]
            state = SequenceState((layer(own),), (layer(crossed),))
            for index, page in enumerate(pages):
                self.rows.admit(page, state, index)
                self.written[page], self.crossed[page] = own[index], crossed[index]

    def end(self, places: Sequence[int]) -> None:
        for page in self._at(places):
            page.is_over = True
            del self.written[page], self.crossed[page]

    def write(self, places: Sequence[int]) -> None:
        pages = self._at(places)
        if not pages:
            return
        longest = max(page.length for page in pages) + 1
        state = self.rows.in_front(pages, longest)
        for page in pages:
            row = self.rows.row_of(page)
            new = self._next()
            state.own[0].keys[row, 0, page.length, 0] = new
            state.own[0].values[row, 0, page.length, 0] = -new
            self.written[page].append(new)
            page.length += 1
        self._check(pages, state)

    def _check(self, pages: Sequence[PageSequence], state: SequenceState) -> None:
        assert state.own[0].keys.shape[0] == len(pages)
        assert torch.isfinite(state.own[0].keys).all()
        for page in pages:
            row = self.rows.row_of(page)
            _same(state.own[0], row, self.written[page])
            _same(state.crossed[0], row, self.crossed[page])

    def _at(self, places: Sequence[int]) -> list[PageSequence]:
        here = list(self.written)
        return list({here[place % len(here)] for place in places}) if here else []

    def _next(self) -> float:
        self._number += 1.0
        return self._number


def _same(state: LayerState, row: int, wanted: list[float]) -> None:
    def found(tensor: Tensor) -> list[float]:
        return [float(value) for value in tensor[row, 0, : len(wanted), 0]]

    assert found(state.keys) == wanted
    assert found(state.values) == [-value for value in wanted]


PLACES = st.lists(st.integers(0, 20), max_size=6)
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), st.lists(st.integers(1, 300), min_size=1, max_size=3)),
        st.tuples(st.just("end"), PLACES),
        st.tuples(st.just("write"), PLACES),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(DEEDS)
def test_every_sequence_finds_its_own(deeds: list[tuple[str, list[int]]]) -> None:
    book = Book()
    most = 0
    for deed, numbers in deeds:
        getattr(book, deed)(numbers)
        most = max(most, len(book.written))
        assert book.rows.num_taken == len(book.written)
        assert len(book.rows) <= most, "a row that is free was not used again"


def test_a_picture_of_another_size_is_refused() -> None:
    rows = Rows()
    for num_crossed in (3, 2):
        crossed = layer([[1.0] * num_crossed])
        state = SequenceState((layer([[1.0]]),), (crossed,))
        if num_crossed == 3:
            rows.admit(PageSequence(PIXELS), state, 0)
        else:
            with pytest.raises(ValueError, match="different sizes"):
                rows.admit(PageSequence(PIXELS), state, 0)


def state_of(own: Sequence[float], crossed: Sequence[float] = (1.0,)) -> SequenceState:
    """Of one sequence, in two layers of its own."""
    return SequenceState((layer([own]), layer([own])), (layer([crossed]),))


def test_a_refused_picture_leaves_the_rows_as_they_were() -> None:
    rows, page = Rows(), PageSequence(PIXELS, length=2)
    rows.admit(page, state_of([5.0, 6.0]), 0)
    for _ in range(2):
        with pytest.raises(ValueError, match="different sizes"):
            rows.admit(PageSequence(PIXELS), state_of([7.0], [1.0, 1.0]), 0)
    rows.admit(PageSequence(PIXELS), state_of([7.0]), 0)
    assert len(rows) == 2, "a picture of the first page's size is still taken, and no row was lost"
    _same(rows.in_front([page], 3).own[0], rows.row_of(page), [5.0, 6.0])


def test_what_a_page_left_in_its_row_is_not_seen_by_the_next() -> None:
    rows, first, second = Rows(), PageSequence(PIXELS, length=1), PageSequence(PIXELS, length=1)
    rows.admit(first, state_of([1.0]), 0)
    for layer_state in rows.in_front([first], 9).own:
        layer_state.keys[0, :, 1:] = torch.nan
        layer_state.values[0, :, 1:] = torch.inf
    first.is_over = True
    rows.admit(second, state_of([2.0]), 0)
    for layer_state in rows.in_front([second], 9).own:
        assert torch.isfinite(layer_state.keys).all()
        assert torch.isfinite(layer_state.values).all()


ENDLESS = 2**48
"""Tokens: more bytes than a process has addresses."""


def test_no_memory_to_grow_is_no_sign_of_too_large_a_batch() -> None:
    """`translated_device_faults` knows an out of memory from the error's kind and words; this has neither."""
    rows, page = Rows(), PageSequence(PIXELS, length=2)
    rows.admit(page, state_of([5.0, 6.0]), 0)
    with pytest.raises(NoRoomForRows, match="no memory"), translated_device_faults():
        rows.in_front([page], ENDLESS)
    _same(rows.in_front([page], 3).own[0], rows.row_of(page), [5.0, 6.0])


def test_a_page_that_no_row_can_be_made_for_takes_none() -> None:
    rows, page = Rows(), PageSequence(PIXELS, length=2)
    rows.admit(page, state_of([5.0, 6.0]), 0)
    endless = LayerState(torch.zeros(1, 1, 1, 1).expand(1, 1, ENDLESS, 1), torch.zeros(1, 1, 1, 1))
    with pytest.raises(NoRoomForRows):
        rows.admit(PageSequence(PIXELS), SequenceState((endless, endless), state_of([1.0]).crossed), 0)
    assert len(rows) == 1
    _same(rows.in_front([page], 3).own[0], rows.row_of(page), [5.0, 6.0])


class UnwritableTensor(torch.Tensor):
    """No row of it can be overwritten."""

    def __setitem__(self, *args: Any) -> None:
        raise RuntimeError("the swap broke off")


def test_pages_whose_swap_breaks_off_are_lost_and_not_mixed() -> None:
    rows = Rows()
    _, second, third = pages = [PageSequence(PIXELS, length=1) for _ in range(3)]
    for number, page in enumerate(pages):
        rows.admit(page, state_of([float(number)]), 0)
    _, later_layer = rows.in_front(pages, 2).own
    base = later_layer.keys._base
    assert base is not None
    base.__class__ = UnwritableTensor
    with pytest.raises(RuntimeError, match="broke off"):
        rows.in_front([third], 2)
    base.__class__ = torch.Tensor
    assert [page in rows for page in pages] == [False, True, False]
    _same(rows.in_front([second], 2).own[0], rows.row_of(second), [1.0])
