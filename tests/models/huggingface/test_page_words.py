"""Lines to words, and where words stand once the page is upright."""

from __future__ import annotations

import numpy as np
import pytest

from quire.models.huggingface.page_words import Upright, polygon_around, words_of
from quire.words.reading import Line, Point, Polygon, rectangle


def line(text: str, polygon: Polygon) -> Line:
    return Line(text=text, confidence=1.0, polygon=polygon)


def test_a_word_has_its_characters_share_of_the_line() -> None:
    words = words_of([line("Total  12", rectangle(100, 10, 190, 30)), line("", rectangle(0, 0, 1, 1))])
    assert [(word.text, word.line) for word in words] == [("Total", 0), ("12", 0)]
    assert words[0].polygon == rectangle(100, 10, 150, 30)
    assert words[1].polygon == rectangle(170, 10, 190, 30)


def test_a_slanted_line_gives_slanted_words() -> None:
    slanted = (Point(0, 0), Point(40, 20), Point(38, 24), Point(-2, 4))
    first, second = words_of([line("ab cd", slanted)])
    assert first.polygon == (Point(0, 0), Point(16, 8), Point(14, 12), Point(-2, 4))
    assert second.polygon == (Point(24, 12), Point(40, 20), Point(38, 24), Point(22, 16))


def test_boxes_are_thousandths_of_the_page_rounded_down() -> None:
    page = Upright(width=300, height=200, quarters=0)
    boxes = page.boxes([rectangle(100, 50, 200, 100), rectangle(-5, 0, 300, 250)])
    assert boxes.tolist() == [[333, 250, 666, 500], [0, 0, 1000, 1000]]
    assert page.boxes([]).shape == (0, 4)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_boxes_of_a_page_that_lies_are_those_of_the_page_set_upright(quarters: int) -> None:
    """A mark on the upright page, and the same mark on the page as it lies."""
    upright = np.zeros((200, 300), bool)
    upright[50:100, 30:120] = True
    lying = np.rot90(upright, quarters)
    rows, columns = np.nonzero(lying)
    seen = rectangle(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    page = Upright(width=lying.shape[1], height=lying.shape[0], quarters=quarters)
    expected = Upright(width=300, height=200, quarters=0).boxes([rectangle(30, 50, 120, 100)])
    assert np.abs(page.boxes([seen]) - expected).max() <= 1


def test_words_of_one_line_are_framed_along_it() -> None:
    slanted = (Point(0, 0), Point(80, 40), Point(78, 44), Point(-2, 4))
    words = words_of([line("ab cd ef", slanted)])
    assert polygon_around(words, 0) == slanted
    assert polygon_around(words[1:2], 0) == words[1].polygon


def test_words_of_several_lines_are_framed_from_the_texts_own_top_left() -> None:
    words = words_of([line("a", rectangle(5, 0, 20, 10)), line("b", rectangle(0, 12, 9, 22))])
    assert polygon_around(words, 0) == rectangle(0, 0, 20, 22)
    assert polygon_around(words, 2) == (Point(20, 22), Point(0, 22), Point(0, 0), Point(20, 0))
    # To be turned clockwise once: the text's top left lies at the page's bottom left.
    assert polygon_around(words, 1)[0] == Point(0, 22)
