"""How far is a text from the truth? Levenshtein's distance, counted in characters."""

from __future__ import annotations

import numpy as np


def character_error_rate(text: str, truth: str) -> float:
    """Edits needed to make `text` into `truth`, over the characters of `truth`; 0.0 is perfect. Runs of
    white space count as one space, since a line break in a column is no error. Raises ValueError for an
    empty truth."""
    said, meant = " ".join(text.split()), " ".join(truth.split())
    if not meant:
        raise ValueError("a truth without characters has no error rate")
    return edit_distance(said, meant) / len(meant)


def edit_distance(a: str, b: str) -> int:
    """The fewest insertions, deletions and substitutions between two texts: time len(a) × len(b).

    A row of the usual table is made at once. Its only dependence within the row, an insertion after
    an insertion, is a running minimum once each column's own number is taken off.
    """
    codes, columns = _codes(b), np.arange(len(b) + 1)
    row = columns.copy()
    for count, code in enumerate(_codes(a), start=1):
        best = np.empty_like(row)
        best[0] = count
        np.minimum(row[1:] + 1, row[:-1] + (codes != code), out=best[1:])
        row = np.minimum.accumulate(best - columns) + columns
    return int(row[-1])


def _codes(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
