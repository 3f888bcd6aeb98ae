"""Windows cover every token, overlap as asked, and each token is read where it has the most context."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.engine.port import Canvas
from quire.models.huggingface.windows import (
    Window,
    WindowLimits,
    best_windows,
    length_canvas,
    lengths_up_to,
    windows_of,
)


@st.composite
def limits(draw: st.DrawFn) -> WindowLimits:
    most = draw(st.integers(1, 40))
    return WindowLimits(most, draw(st.integers(0, most - 1)))


@given(st.integers(0, 200), limits())
def test_windows_cover_every_token_and_neighbours_share_the_overlap(
    num_tokens: int, limit: WindowLimits
) -> None:
    windows = windows_of(num_tokens, limit)
    assert {token for each in windows for token in range(each.start, each.stop)} == set(range(num_tokens))
    assert all(0 < each.stop - each.start <= limit.most_tokens for each in windows)
    for one, next_one in pairwise(windows):
        assert one.stop - next_one.start == limit.overlap_tokens
        assert one.stop < next_one.stop, "a window that adds nothing"


@given(st.integers(1, 200), limits())
def test_the_chosen_window_has_the_most_context_on_its_poorer_side(
    num_tokens: int, limit: WindowLimits
) -> None:
    windows = windows_of(num_tokens, limit)
    chosen = best_windows(num_tokens, windows)

    def context(token: int, window: Window) -> float:
        if not window.start <= token < window.stop:
            return -1.0
        before = token - window.start if window.start else np.inf
        after = window.stop - 1 - token if window.stop < num_tokens else np.inf
        return float(min(before, after))

    for token in range(num_tokens):
        assert context(token, windows[chosen[token]]) == max(context(token, each) for each in windows)


def test_tokens_in_the_middle_of_an_overlap_change_windows_there() -> None:
    windows = windows_of(14, WindowLimits(8, 2))
    assert windows == [Window(0, 8), Window(6, 14)]
    assert best_windows(14, windows).tolist() == [0] * 7 + [1] * 7


@pytest.mark.parametrize("overlap", [-1, 8, 9])
def test_an_overlap_that_never_ends_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="stride"):
        WindowLimits(8, overlap)


def test_a_window_is_laid_on_the_least_length_that_holds_it() -> None:
    lengths = lengths_up_to(512)
    assert lengths == (64, 96, 128, 192, 256, 384, 512)
    assert lengths_up_to(50) == (50,)
    assert [length_canvas(count, lengths) for count in (1, 64, 65, 512)] == [
        Canvas(1, 64),
        Canvas(1, 64),
        Canvas(1, 96),
        Canvas(1, 512),
    ]
