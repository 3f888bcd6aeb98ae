"""Page ranges as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.words.errors import BadRequest, PagesOutsideDocument, TooManyPages
from quire.words.pages import PageSelection, PageSpan

MAX_PAGES = 10_000


@pytest.mark.parametrize(
    ("text", "num_pages", "expected"),
    [
        ("1", 9, [0]),
        ("9", 9, [8]),
        ("1-3", 9, [0, 1, 2]),
        ("7-", 9, [6, 7, 8]),
        ("-2", 9, [0, 1]),
        ("8,1-2", 9, [0, 1, 7]),
        ("1-5,3-6,4", 9, [0, 1, 2, 3, 4, 5]),
        (" 1 - 2 , 4 ", 9, [0, 1, 3]),
        ("8-999999999", 9, [7, 8]),
        ("2,40", 3, [1]),
    ],
)
def test_ranges_choose_pages(text: str, num_pages: int, expected: list[int]) -> None:
    assert PageSelection.parse(text).page_indices(num_pages, MAX_PAGES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "1,",
        "0",
        "0-3",
        "3-2",
        "-",
        "a",
        "1-b",
        "1--2",
        "-1-2",
        "1.5",
        "+1",
        "1 2",
        "٣",
        "1-2-3",
    ],
)
def test_anything_else_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest, match="pages"):
        PageSelection.parse(text)


def test_no_selection_is_every_page() -> None:
    assert PageSelection().page_indices(3, MAX_PAGES) == [0, 1, 2]


def test_no_selection_of_an_empty_document_is_no_page() -> None:
    assert PageSelection().page_indices(0, MAX_PAGES) == []


def test_pages_past_the_end_are_refused_with_the_documents_length() -> None:
    with pytest.raises(PagesOutsideDocument, match="3 pages"):
        PageSelection.parse("4-9").page_indices(3, MAX_PAGES)


def test_number_of_ranges_is_bounded() -> None:
    assert PageSelection.parse(",".join(["1"] * 1000)).page_indices(1, MAX_PAGES) == [0]
    with pytest.raises(BadRequest, match="1000"):
        PageSelection.parse(",".join(["1"] * 1001))


def test_numbers_too_long_for_a_page_are_refused() -> None:
    with pytest.raises(BadRequest):
        PageSelection.parse("1" * 5000)
    with pytest.raises(BadRequest):
        PageSelection.parse("1" * 9 + "2" * 9)


@pytest.mark.parametrize(("first", "last"), [(0, None), (-1, 3), (3, 2)])
def test_span_is_checked_when_it_is_made(first: int, last: int | None) -> None:
    with pytest.raises(BadRequest):
        PageSpan(first, last)


spans = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 60)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    min_size=1,
    max_size=8,
)


@given(spans, st.integers(1, 80))
def test_selection_is_the_union_of_its_ranges(pairs: list[tuple[int, int]], num_pages: int) -> None:
    text = ",".join(f"{first}-{last}" for first, last in pairs)
    wanted = {page for first, last in pairs for page in range(first, last + 1) if page <= num_pages}
    if wanted:
        chosen = PageSelection.parse(text).page_indices(num_pages, MAX_PAGES)
        assert chosen == sorted(page - 1 for page in wanted)
    else:
        with pytest.raises(PagesOutsideDocument):
            PageSelection.parse(text).page_indices(num_pages, MAX_PAGES)


@given(st.text(max_size=40))
def test_any_text_is_a_selection_or_a_bad_request(text: str) -> None:
    try:
        selection = PageSelection.parse(text)
    except BadRequest:
        return
    assert all(span.first >= 1 for span in selection.spans)


def test_more_pages_than_allowed_are_refused_and_as_many_are_not() -> None:
    assert PageSelection().page_indices(3, 3) == [0, 1, 2]
    with pytest.raises(TooManyPages, match="at most 2"):
        PageSelection().page_indices(3, 2)
    assert PageSelection.parse("2-3").page_indices(900_000, 2) == [1, 2]
