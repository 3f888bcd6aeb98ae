"""Which way up does text stand? Decided on evidence: the shape of lines, then how surely they are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quire.models.ppocr.decoding import Reading
from quire.models.ppocr.quads import Floats, Quads, heights, widths

_TALL = 1.5
"""A rectangle so many times higher than wide holds a line on its side, or a thin character."""

_PERHAPS_UPRIGHT = 3.0
"""Below this a tall rectangle may be a thin character such as 1 or I, standing upright."""

_MOST_PROBES = 4
_LONGEST_PROBE = 20.0
"""Width by height: longer lines say no more and cost more."""

_DOUBTFUL_CONFIDENCE = 0.8
_CLEARLY_BETTER = 1.1


def are_sideways(quads: Quads) -> bool:
    """Whether most of the length of text runs up or down the page."""
    wide, high = widths(quads), heights(quads)
    lengths, is_tall = np.maximum(wide, high), high >= _TALL * wide
    return bool(lengths[is_tall].sum() > lengths[~is_tall & (wide > _TALL * high)].sum())


def possible_turns(quads: Quads) -> list[tuple[int, ...]]:
    """For each quad of an upright page, the quarters by which its text may be turned, likeliest first."""
    ratios = heights(quads) / np.maximum(widths(quads), 1e-9)
    return [(0,) if ratio < _TALL else (0, 1, 3) if ratio < _PERHAPS_UPRIGHT else (1, 3) for ratio in ratios]


def probes(quads: Quads) -> list[int]:
    """The few lines that tell most about which way up the text of a page stands."""
    ratios = widths(quads) / np.maximum(heights(quads), 1e-9)
    order = np.argsort(-np.where(ratios > _LONGEST_PROBE, 1 / ratios, ratios), kind="stable")
    return [int(index) for index in order[:_MOST_PROBES]]


def are_doubtful(readings: Sequence[Reading]) -> bool:
    """Whether a page was read so badly that it may stand on its head."""
    return bool(readings) and certainty(readings) < _DOUBTFUL_CONFIDENCE


def is_clearly_better(turned: Sequence[Reading], upright: Sequence[Reading]) -> bool:
    return certainty(turned) > _CLEARLY_BETTER * certainty(upright)


def certainty(readings: Sequence[Reading]) -> float:
    """Mean confidence, each line weighed by its characters; 0.0 without any."""
    counts: Floats = np.array([len(reading.text) for reading in readings], dtype=np.float64)
    confidences = np.array([reading.confidence for reading in readings])
    return float((counts * confidences).sum() / max(counts.sum(), 1.0))
