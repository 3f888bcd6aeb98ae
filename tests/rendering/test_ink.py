"""What counts as print on a small rendering, and which lines it is found under."""

from __future__ import annotations

import numpy as np
import pytest

from quire.rendering.pdf_ink import Grey, measure_ink
from quire.words.reading import rectangle

BLACK, WHITE = 0, 255


def sheet(ground: int, ink: int, lefts: tuple[int, ...] = (40, 100, 160)) -> Grey:
    """Strokes two pixels wide and twelve high, far apart, on plain ground."""
    page = np.full((100, 200), ground, np.uint8)
    for left in lefts:
        page[40:52, left : left + 2] = ink
    return page


@pytest.mark.parametrize(("ground", "ink"), [(WHITE, BLACK), (BLACK, WHITE), (200, 120), (60, 140)])
def test_strokes_of_either_polarity_are_foreign_until_a_line_covers_them(ground: int, ink: int) -> None:
    alone = measure_ink(sheet(ground, ink), [])
    assert alone.foreign == 3 * 2 * 12
    covered = measure_ink(sheet(ground, ink), [rectangle(30, 40, 170, 52)])
    assert covered.foreign == 0
    assert covered.under_lines == 3 * 2 * 12
    assert covered.unseen_lines == ()


def test_a_line_with_nothing_under_it_is_not_seen() -> None:
    ink = measure_ink(sheet(WHITE, BLACK), [rectangle(30, 40, 170, 52), rectangle(30, 80, 170, 92)])
    assert ink.unseen_lines == (1,)


def test_rules_areas_and_dust_are_no_letters() -> None:
    page = np.full((200, 200), WHITE, np.uint8)
    page[20, 10:190] = BLACK
    page[40:80, 40:160] = BLACK
    page[100:102, 100:102] = BLACK
    assert measure_ink(page, []).foreign == 0


def test_the_inside_of_an_empty_box_is_no_letter() -> None:
    page = np.full((100, 300), WHITE, np.uint8)
    page[40:50, 20:280] = BLACK
    page[41:49, 21:279] = WHITE
    for left in range(30, 280, 10):
        page[40:50, left] = BLACK
    assert measure_ink(page, []).foreign == 0
