"""Lines come out in the order in which people read them, and in blocks."""

from __future__ import annotations

import random

import numpy as np
import pytest

from quire.layout.page import compose_page
from quire.words.reading import Line, Point, Polygon, rectangle

HEIGHT = 20.0


def line(text: str, left: float, top: float, width: float | None = None) -> Line:
    width = 10.0 * len(text) if width is None else width
    return Line(text=text, confidence=0.9, polygon=rectangle(left, top, left + width, top + HEIGHT))


def turned(polygon: Polygon, degrees: float) -> Polygon:
    """About the origin, clockwise on a page whose y points down; the text's own corner order stays."""
    angle = np.radians(degrees)
    a, b, c, d = (
        Point(
            point.x * np.cos(angle) - point.y * np.sin(angle),
            point.x * np.sin(angle) + point.y * np.cos(angle),
        )
        for point in polygon
    )
    return (a, b, c, d)


def shuffled(lines: list[Line]) -> list[Line]:
    return random.Random(7).sample(lines, len(lines))


def two_columns() -> list[Line]:
    """Title, two columns of six lines whose rows do not align, a closing line over the whole width."""
    title = [line("a title over both of the columns", 100, 0, 800)]
    left = [line(f"left {number}", 0, 60 + 26 * number, 430) for number in range(6)]
    right = [line(f"right {number}", 470, 69 + 26 * number, 430) for number in range(6)]
    return [*title, *left, *right, line("a closing line", 0, 260, 900)]


def texts(lines: list[Line]) -> list[str]:
    return [each.text for each in compose_page(shuffled(lines)).lines]


def test_a_column_is_read_to_its_end_before_the_next() -> None:
    assert texts(two_columns()) == [each.text for each in two_columns()]


@pytest.mark.parametrize("degrees", [0.0, 3.0, -4.0, 90.0, 180.0, 270.0, 91.5])
def test_the_order_follows_the_text_however_the_page_lies(degrees: float) -> None:
    lines = [
        Line(text=each.text, confidence=0.9, polygon=turned(each.polygon, degrees)) for each in two_columns()
    ]
    assert texts(lines) == [each.text for each in two_columns()]


def test_columns_within_a_column() -> None:
    narrow = [
        line(f"{side} {number}", left, 25.0 * number, 200)
        for side, left in (("a", 0.0), ("b", 230.0), ("c", 460.0))
        for number in range(5)
    ]
    assert texts(narrow) == [each.text for each in narrow]


def test_an_item_is_followed_by_its_price() -> None:
    """Prices are no column, however neatly they stand below each other."""
    rows = [("Modelling clay", "9.00"), ("Paper, A4", "12.50"), ("Glue", "3.10"), ("Total", "24.60")]
    lines = [
        piece
        for number, (item, price) in enumerate(rows)
        for piece in (line(item, 0, 30.0 * number), line(price, 400, 30.0 * number + 6))
    ]
    assert texts(lines) == [text for row in rows for text in row]


def test_labels_and_short_answers_are_read_row_by_row() -> None:
    rows = [
        ("TO:", "George Baroody"),
        ("DATE:", "12/10/98"),
        ("FAX NUMBER:", "(336) 335-7392"),
        ("FROM:", "A"),
    ]
    lines = [
        piece
        for number, (label, answer) in enumerate(rows)
        for piece in (line(label, 0, 30.0 * number), line(answer, 200, 30.0 * number))
    ]
    assert texts(lines) == [text for row in rows for text in row]


def test_a_bent_row_stays_one_row() -> None:
    row = [line(str(number), 100.0 * number, 6.0 * number) for number in range(8)]
    below = [line(str(number + 8), 100.0 * number, 6.0 * number + 24) for number in range(8)]
    assert texts([*row, *below]) == [str(number) for number in range(16)]


def test_a_wide_gap_parts_blocks() -> None:
    first = [line("one", 0, 26.0 * number) for number in range(3)]
    second = [line("two", 0, 140 + 26.0 * number) for number in range(3)]
    page = compose_page(shuffled([*first, *second]))
    assert page.text == "one\none\none\n\ntwo\ntwo\ntwo"
    assert [block.lines for block in page.blocks] == [(0, 1, 2), (3, 4, 5)]
    assert page.blocks[1].polygon == rectangle(0, 140, 30, 212)


def test_lines_far_apart_are_blocks_of_their_own() -> None:
    assert [block.lines for block in compose_page([line("one", 0, 0), line("two", 0, 90)]).blocks] == [
        (0,),
        (1,),
    ]


def test_a_heading_is_a_block_of_its_own() -> None:
    heading = Line(text="Heading", confidence=1.0, polygon=rectangle(0, 0, 300, 45))
    body = [line("body of the text", 0, 50 + 26.0 * number) for number in range(3)]
    assert [len(block.lines) for block in compose_page([*body, heading]).blocks] == [1, 3]


def test_every_line_is_in_exactly_one_block() -> None:
    chance = random.Random(3)
    lines = [
        line(str(number), chance.uniform(0, 900), chance.uniform(0, 900), chance.uniform(0, 500))
        for number in range(200)
    ]
    page = compose_page(lines)
    assert sorted(each.text for each in page.lines) == sorted(each.text for each in lines)
    assert [index for block in page.blocks for index in block.lines] == list(range(200))


def test_a_turned_pages_blocks_begin_at_the_texts_own_top_left() -> None:
    upright = [line("some words", 10, 10), line("some more", 10, 36)]
    lying = [Line(text=e.text, confidence=0.9, polygon=turned(e.polygon, 90)) for e in upright]
    page = compose_page(lying, rotation_degrees=270)
    block, first = page.blocks[0].polygon, page.lines[0].polygon
    assert (block[0].x, block[0].y) == pytest.approx((first[0].x, first[0].y))
    assert block[1].y > block[0].y


def test_no_lines_are_an_empty_page() -> None:
    page = compose_page([])
    assert (page.text, page.lines, page.blocks) == ("", (), ())


def test_lines_without_extent_do_no_harm() -> None:
    dots = [Line(text=".", confidence=0.5, polygon=rectangle(5, 5, 5, 5)) for _ in range(10)]
    assert len(compose_page(dots).lines) == 10
