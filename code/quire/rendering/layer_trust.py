"""When a PDF page's text layer may stand for what is seen on the page.

A layer is trusted when all of this holds, and doubted at the first that does not:

1. Something is typed: at least one visible character with a meaning lies on the page. Text drawn in the
   invisible or clipping render modes is no part of the layer: that is how OCR is put under a scan.
2. At most 3 % of the characters have no meaning: no Unicode mapping, U+FFFD, private use, control
   codes, or bytes of UTF-16 in the wrong order.
3. At least half of the characters, leader dots and rules aside, are letters or digits, and at least
   25 % of the Latin letters are vowels where there are 40 or more: fonts without a mapping often yield
   text shifted by a constant, which has neither.
4. At most 10 % of the characters lie outside the page.
5. Pictures cover at most 60 % of the page: else it is a scan, or a slide whose picture may carry text.
6. No annotation shows text of its own (a filled form field, a free text, a stamp, a signature): the
   layer does not hold it.
7. On a small rendering, nothing is drawn under lines that hold more than 10 % of the characters (text
   that is covered, or of its ground's colour): those lines are not seen.
8. On the same rendering, strokes of letter size outside the layer's lines are at most 10 % of all: else
   text stands on the page that the layer does not know, as outlines or in pictures.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_MOST_UNMAPPED = 0.03
_LEAST_LETTERS = 0.5
_LEAST_VOWELS, _VOWELS_TELL_FROM = 0.25, 40
_MOST_OUTSIDE = 0.10
_MOST_COVERED_BY_PICTURES = 0.60
_MOST_UNSEEN = 0.10
_MOST_FOREIGN_INK = 0.10

_FILLERS = frozenset(".·…_-–—=*•")
_VOWELS = frozenset("aeiouyAEIOUY")


class Doubt(enum.Enum):
    """Why a layer is not trusted."""

    NO_TEXT = "no visible text"
    UNMAPPED = "characters without a meaning"
    GIBBERISH = "characters that make no words"
    OUTSIDE = "text outside the page"
    PICTURES = "pictures cover the page"
    ANNOTATIONS = "annotations show text that the layer lacks"
    UNSEEN = "text that is not seen"
    FOREIGN_INK = "print that the layer lacks"


class CharacterCounts(NamedTuple):
    """What the visible characters of a page are; blanks are not counted."""

    total: int
    unmapped: int
    outside: int
    fillers: int
    letters_and_digits: int
    latin_letters: int
    vowels: int


def count_characters(texts: Iterable[str], num_outside: int) -> CharacterCounts:
    """`texts` are the visible characters on the page, "" for one without a meaning."""
    on_page = list(texts)
    letters = [letter for text in on_page for letter in text]
    bases = (unicodedata.normalize("NFD", letter)[0] for letter in letters)
    latin = [letter for letter in bases if letter.isascii() and letter.isalpha()]
    return CharacterCounts(
        total=len(on_page) + num_outside,
        unmapped=sum(not text or _is_swapped(text) for text in on_page),
        outside=num_outside,
        fillers=sum(letter in _FILLERS for letter in letters),
        letters_and_digits=sum(letter.isalnum() for letter in letters),
        latin_letters=len(latin),
        vowels=sum(letter in _VOWELS for letter in latin),
    )


def doubt_characters(counts: CharacterCounts) -> Doubt | None:
    """Rules 1 to 4."""
    if counts.total - counts.outside - counts.unmapped <= 0:
        return Doubt.NO_TEXT
    if counts.unmapped > _MOST_UNMAPPED * counts.total:
        return Doubt.UNMAPPED
    if counts.outside > _MOST_OUTSIDE * counts.total:
        return Doubt.OUTSIDE
    return Doubt.GIBBERISH if _is_gibberish(counts) else None


def doubt_pictures(covered_share: float) -> Doubt | None:
    """Rule 5; `covered_share` of the page lies under pictures."""
    return Doubt.PICTURES if covered_share > _MOST_COVERED_BY_PICTURES else None


def doubt_ink(under_lines: int, foreign: int, unseen_share: float) -> Doubt | None:
    """Rules 7 and 8; the ink is counted in pixels."""
    if unseen_share > _MOST_UNSEEN:
        return Doubt.UNSEEN
    return Doubt.FOREIGN_INK if foreign > _MOST_FOREIGN_INK * (under_lines + foreign) else None


def _is_swapped(text: str) -> bool:
    """Latin text whose UTF-16 bytes are swapped looks like U+4D00; one real letter in 256 does."""
    return ord(text[0]) > 0xFF and ord(text[0]) % 0x100 == 0


def _is_gibberish(counts: CharacterCounts) -> bool:
    if counts.letters_and_digits < _LEAST_LETTERS * (counts.total - counts.fillers):
        return True
    return counts.latin_letters >= _VOWELS_TELL_FROM and counts.vowels < _LEAST_VOWELS * counts.latin_letters
