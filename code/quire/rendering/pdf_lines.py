"""Characters of a text layer → lines of text with their boxes, still in PDF page space."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from quire.rendering.pdf_characters import LINE_END, SPACE, Character, Direction

_COLUMN_GAP_HEIGHTS = 1.5
_BACKWARD_GAP_HEIGHTS = 0.5
_SPACE_GAP_HEIGHTS = 0.15
_LEAST_OVERLAP = 0.4
_MOST_HEIGHT_RATIO = 4.0
_NUM_OPEN_LINES = 3
"""A superscript interrupts its line: the line before it is still open when its text goes on."""

_RIGHT_TO_LEFT = ("R", "AL", "AN")


class TextLine(NamedTuple):
    """One line: its text, and its box along and across `direction`, in points."""

    text: str
    direction: Direction
    start: float
    end: float
    bottom: float
    top: float

    def corners(self) -> tuple[tuple[float, float], ...]:
        """Page points of top left, top right, bottom right, bottom left as the text itself runs."""
        places = (
            (self.start, self.top),
            (self.end, self.top),
            (self.end, self.bottom),
            (self.start, self.bottom),
        )
        return tuple(self.direction.point(*place) for place in places)


def text_lines(characters: Iterable[Character]) -> list[TextLine]:
    """In the order in which the lines begin. Gaps as wide as between columns part lines."""
    lines: list[_GrowingLine] = []
    blank = ""
    for character in characters:
        if character.is_blank:
            blank = max(blank, character.text)
            continue
        open_lines = reversed(lines[-_NUM_OPEN_LINES:])
        line = next((line for line in open_lines if line.continues_with(character)), None)
        if line is None:
            lines.append(_GrowingLine(character))
        else:
            line.append(character, blank)
        blank = ""
    return [line.finished() for line in lines if line.has_text()]


class _GrowingLine:
    """A line while its characters arrive."""

    def __init__(self, first: Character) -> None:
        self._direction = first.direction
        self._start, self._end = first.start, first.end
        self._bottom, self._top = first.bottom, first.top
        self._last = first
        self._pieces = [first.text]
        self._is_right_to_left = _runs_right_to_left(first.text)

    def continues_with(self, character: Character) -> bool:
        if character.direction != self._direction:
            return False
        if character[1:6] == self._last[1:6]:
            return True  # PDFium spells a ligature out as letters that share one box
        overlap = min(self._top, character.top) - max(self._bottom, character.bottom)
        height = self._top - self._bottom
        smaller, larger = sorted((height, character.top - character.bottom))
        if overlap < _LEAST_OVERLAP * smaller or larger > _MOST_HEIGHT_RATIO * smaller:
            return False
        backward = _COLUMN_GAP_HEIGHTS if self._is_right_to_left else _BACKWARD_GAP_HEIGHTS
        return -backward * height <= self._gap(character) <= _COLUMN_GAP_HEIGHTS * height

    def append(self, character: Character, blank: str) -> None:
        """`blank` is what came before: a line end of PDFium's counts only where a gap is seen."""
        is_apart = abs(self._gap(character)) > _SPACE_GAP_HEIGHTS * (self._top - self._bottom)
        if blank == SPACE or (blank == LINE_END and is_apart):
            self._pieces.append(" ")
        self._pieces.append(character.text)
        self._start, self._end = min(self._start, character.start), max(self._end, character.end)
        self._bottom, self._top = min(self._bottom, character.bottom), max(self._top, character.top)
        self._last = character
        self._is_right_to_left = self._is_right_to_left or _runs_right_to_left(character.text)

    def has_text(self) -> bool:
        return any(self._pieces)

    def finished(self) -> TextLine:
        text = " ".join("".join(self._pieces).split())
        return TextLine(text, self._direction, self._start, self._end, self._bottom, self._top)

    def _gap(self, character: Character) -> float:
        """From the last character's end to this one's start; within right-to-left text also numbers
        run forwards, so there it is the distance from what the line covers so far."""
        if not self._is_right_to_left:
            return character.start - self._last.end
        return max(character.start - self._end, self._start - character.end)


def _runs_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)
