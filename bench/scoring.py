"""How well was a document read? Bag of words against the ground truth, and character error rate.

Totals are micro averages: hits and words are summed over the documents of a family before dividing.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quire.layout.rows import rows_of
from quire.process.character_errors import edit_distance


@dataclass(frozen=True)
class Piece:
    """A word or a line and the left, top, right and bottom of its box in pixels."""

    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Tally:
    """Counts of one document or, added up, of many."""

    hits: int = 0
    words_true: int = 0
    words_read: int = 0
    edits: int = 0
    characters_true: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.hits + other.hits,
            self.words_true + other.words_true,
            self.words_read + other.words_read,
            self.edits + other.edits,
            self.characters_true + other.characters_true,
        )

    @property
    def recall(self) -> float:
        return self.hits / max(self.words_true, 1)

    @property
    def precision(self) -> float:
        return self.hits / max(self.words_read, 1)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(self.words_true + self.words_read, 1)

    @property
    def character_error_rate(self) -> float:
        return self.edits / max(self.characters_true, 1)


def tally(read: Sequence[Piece], truth: Sequence[Piece]) -> Tally:
    """Words: case folded, split at white space, each matched at most once, wherever it stands.
    Characters: both sides put row by row by one rule, since the truth has no reading order."""
    words_read, words_true = _bag(read), _bag(truth)
    said, meant = _row_by_row(read), _row_by_row(truth)
    return Tally(
        hits=(words_read & words_true).total(),
        words_true=words_true.total(),
        words_read=words_read.total(),
        edits=edit_distance(said, meant),
        characters_true=len(meant),
    )


def _bag(pieces: Sequence[Piece]) -> Counter[str]:
    return Counter(word for piece in pieces for word in piece.text.casefold().split())


def _row_by_row(pieces: Sequence[Piece]) -> str:
    boxes = np.array([piece.box for piece in pieces], dtype=np.float64).reshape(-1, 4)
    rows = rows_of(boxes, np.arange(len(pieces)))
    return " ".join(" ".join(pieces[index].text for row in rows for index in row).casefold().split())


def receipt_truth(path: Path) -> list[Piece]:
    """Lines of an ICDAR 2019 SROIE file: x1,y1,…,x4,y4,TEXT, where the text may hold commas."""
    rows = csv.reader(path.read_text(encoding="utf-8").splitlines(), quoting=csv.QUOTE_NONE)
    return [_piece(",".join(row[8:]), [float(value) for value in row[:8]]) for row in rows if row]


def form_truth(path: Path) -> list[Piece]:
    """Words of a FUNSD file."""
    entities = json.loads(path.read_text(encoding="utf-8"))["form"]
    words = [word for entity in entities for word in entity["words"] if word["text"].strip()]
    return [_piece(word["text"], word["box"]) for word in words]


def _piece(text: str, coordinates: Sequence[float]) -> Piece:
    xs, ys = coordinates[0::2], coordinates[1::2]
    return Piece(text, (min(xs), min(ys), max(xs), max(ys)))


def piece_of_corners(text: str, corners: Sequence[Sequence[float]]) -> Piece:
    """A line with its polygon's corners."""
    return _piece(text, [float(value) for corner in corners for value in corner])
