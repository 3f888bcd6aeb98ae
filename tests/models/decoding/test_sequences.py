"""When is an answer over, and what of a burst belongs to it?"""

from __future__ import annotations

import pytest

from quire.models.decoding.sequences import Answer, Endings, is_repeating

STOP = 2


def answer(max_tokens: int = 10, max_repeats: int | None = None) -> Answer:
    return Answer(Endings(frozenset({STOP}), max_tokens, max_repeats), max_tokens)


def test_a_stop_token_ends_it_and_is_no_part_of_it() -> None:
    written = answer()
    written.add([5, 6])
    assert not written.is_over
    written.add([7, STOP, 8, 9])
    assert (written.tokens, written.is_over, written.is_cut) == ([5, 6, 7], True, False)


def test_it_is_cut_at_its_most_tokens() -> None:
    written = answer(max_tokens=5)
    written.add([3, 3, 3, 3])
    assert not written.is_over
    written.add([4, 5, 6, STOP])
    assert (written.tokens, written.is_over, written.is_cut) == ([3, 3, 3, 3, 4], True, True)


def test_a_phrase_again_and_again_cuts_it() -> None:
    written = answer(max_tokens=100, max_repeats=3)
    written.add([9, 5, 6, 7, 5, 6, 7, 5, 6, 7])
    assert not written.is_over
    written.add([5, 6, 7])
    assert (written.is_over, written.is_cut) == (True, True)


@pytest.mark.parametrize(
    ("tokens", "repeats"),
    [
        ([1, 1, 1], True),
        ([1, 1], False),
        ([7, 1, 2, 1, 2, 1, 2], True),
        ([1, 2, 1, 2, 1, 3], False),
        ([1, 2, 1, 2, 1, 2, 3], False),
        ([], False),
    ],
)
def test_repetition_is_one_phrase_more_than_twice_at_the_end(tokens: list[int], repeats: bool) -> None:
    assert is_repeating(tokens, 2) is repeats
