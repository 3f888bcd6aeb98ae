"""The distance between texts, against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.process.character_errors import character_error_rate, edit_distance


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("aaaa", "a", 3),
        ("ab", "ba", 2),
        ("naïve 𝔘", "naive U", 2),
    ],
)
def test_distance_of_known_pairs(a: str, b: str, expected: int) -> None:
    assert edit_distance(a, b) == expected


def by_definition(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above = row
        row = [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


few_letters = st.text("abc d", max_size=14)


@given(few_letters, few_letters)
def test_distance_is_the_textbooks(a: str, b: str) -> None:
    assert edit_distance(a, b) == by_definition(a, b) == edit_distance(b, a)


def test_rate_is_edits_over_the_truths_characters() -> None:
    assert character_error_rate("Invoice 2O25", "Invoice 2025") == pytest.approx(1 / 12)


def test_line_breaks_and_form_feeds_are_spaces() -> None:
    assert character_error_rate("one\ntwo\fthree  four ", "one two\nthree four\n") == 0.0


def test_nothing_read_is_a_rate_of_one() -> None:
    assert character_error_rate("", "truth") == 1.0


def test_truth_without_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="truth"):
        character_error_rate("a", " \n")
