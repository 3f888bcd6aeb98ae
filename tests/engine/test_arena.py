"""The arena's ledger never hands out a byte twice, and forgets none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.engine.arena import ALIGNMENT_BYTES, ArenaLedger, ArenaMap, Span, create_arena
from quire.words.reading import PageSize

TOTAL = 64 * ALIGNMENT_BYTES


@given(st.lists(st.tuples(st.booleans(), st.integers(1, TOTAL)), max_size=60))
def test_spans_in_use_never_overlap_and_none_is_lost(turns: list[tuple[bool, int]]) -> None:
    ledger, used = ArenaLedger(TOTAL), list[Span]()
    for gives_back, number in turns:
        if gives_back and used:
            ledger.give_back(used.pop(number % len(used)))
        elif (span := ledger.take(number)) is not None:
            used.append(span)
        taken = sorted(used)
        for left, right in itertools.pairwise(taken):
            assert left.offset + left.num_bytes <= right.offset
        assert ledger.num_free_bytes + sum(span.num_bytes for span in used) == TOTAL
    for span in used:
        ledger.give_back(span)
    assert ledger.take(TOTAL) == Span(0, TOTAL)


def test_a_span_given_back_twice_is_a_bug() -> None:
    ledger = ArenaLedger(TOTAL)
    span = ledger.take(5)
    assert span is not None
    ledger.give_back(span)
    with pytest.raises(ValueError, match="twice"):
        ledger.give_back(span)


def test_pixels_written_through_one_map_are_read_through_another() -> None:
    fd = create_arena(TOTAL)
    size = PageSize(width_px=7, height_px=5, dpi=None)
    pixels = np.arange(105, dtype=np.uint8).reshape(5, 7, 3)
    ArenaMap(fd).pixels(ALIGNMENT_BYTES, size)[:] = pixels
    assert (ArenaMap(fd).pixels(ALIGNMENT_BYTES, size) == pixels).all()
