"""What do a text's windows say of the whole text? Pure: outputs of windows to one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from quire.models.huggingface.tags import Tag, spans_of
from quire.models.huggingface.text_inputs import TextSpan, TextTokens, TextWindow

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

Scale = Literal["one-of-many", "any-of-many", "number"]
"""What a classifier's outputs are: of a softmax, of a sigmoid each, or numbers as they are."""


@dataclass(frozen=True)
class LabelScore:
    label: str
    score: float


@dataclass(frozen=True)
class WindowScores:
    """What was said of one window of the text, every label in the model's order."""

    span: TextSpan
    scores: tuple[LabelScore, ...]


@dataclass(frozen=True)
class TextClasses:
    """What the text is: `scores` of the whole, highest first, and of each window."""

    scores: tuple[LabelScore, ...]
    windows: tuple[WindowScores, ...]


@dataclass(frozen=True)
class TextEntity:
    """`score` is the mean over its words of their tags' probabilities."""

    label: str
    text: str
    score: float
    span: TextSpan


def classes_of(
    tokens: TextTokens,
    windows: Sequence[TextWindow],
    logits: Sequence[Rows],
    labels: Sequence[str],
    scale: Scale,
) -> TextClasses:
    """`logits` is [classes] of each window. The whole's scores are the mean of the windows', each weighed
    by the tokens that have their best place in it."""
    scores = _scaled(np.stack(logits).astype(np.float64), scale)
    whole = np.average(scores, axis=0, weights=[window.num_counted for window in windows])
    order = np.argsort(-whole, kind="stable")
    return TextClasses(
        scores=tuple(LabelScore(labels[index], float(whole[index])) for index in order),
        windows=tuple(
            WindowScores(
                _span(tokens, window),
                tuple(LabelScore(label, float(score)) for label, score in zip(labels, row, strict=True)),
            )
            for window, row in zip(windows, scores, strict=True)
        ),
    )


def mean_of(windows: Sequence[TextWindow], sums: Sequence[Rows]) -> Floats:
    """[hidden]: the mean state of all tokens, each counted once; the specials of each window count too, as
    they do in sentence-transformers."""
    total: Floats = np.stack(sums).astype(np.float64).sum(0)
    return total / sum(window.num_counted for window in windows)


def first_of(windows: Sequence[TextWindow], firsts: Sequence[Rows]) -> Floats:
    """[hidden]: the mean of the windows' first states, each weighed by its counted tokens."""
    weights = [window.num_counted for window in windows]
    mean: Floats = np.average(np.stack(firsts).astype(np.float64), axis=0, weights=weights)
    return mean


def normalised(vector: Floats) -> Floats:
    """Of length one; zeros stay zeros."""
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def entities_of(
    text: str,
    tokens: TextTokens,
    windows: Sequence[TextWindow],
    logits: Sequence[Rows],
    tags: Sequence[Tag],
) -> tuple[TextEntity, ...]:
    """`logits` is [n, classes] of each window, with rows for its specials. A word, as the tokenizer parts
    them, is tagged by its first token in the window where that has its best place."""
    if not len(tokens.ids):
        return ()
    probabilities = _scaled(_rows_of_tokens(tokens, windows, logits), "one-of-many")
    firsts = tokens.firsts
    ends = [*firsts[1:], len(tokens.ids)]
    classes, scores = probabilities[firsts].argmax(1), probabilities[firsts].max(1)
    found = []
    for part in spans_of([tags[index] for index in classes]):
        span = _trimmed(text, tokens.span(int(firsts[part.start]), int(ends[part.stop - 1])))
        score = min(1.0, float(scores[part.start : part.stop].mean()))
        if span.start < span.stop:
            found.append(TextEntity(part.label, text[span.start : span.stop], score, span))
    return tuple(found)


def _rows_of_tokens(tokens: TextTokens, windows: Sequence[TextWindow], logits: Sequence[Rows]) -> Floats:
    rows = np.zeros((len(tokens.ids), logits[0].shape[1]))
    for window, made in zip(windows, logits, strict=True):
        inside = slice(window.first, window.first + window.window.stop - window.window.start)
        counted = window.is_counted[inside]
        rows[window.window.start : window.window.stop][counted] = made[inside][counted]
    return rows


def _trimmed(text: str, span: TextSpan) -> TextSpan:
    """Without the white space that some tokenizers, those with ▁ above all, count to the word behind it."""
    inside = text[span.start : span.stop]
    start = span.start + len(inside) - len(inside.lstrip())
    return TextSpan(start, start + len(inside.strip()))


def _span(tokens: TextTokens, window: TextWindow) -> TextSpan:
    if window.window.start == window.window.stop:
        return TextSpan(0, 0)
    return tokens.span(window.window.start, window.window.stop)


def _scaled(logits: Floats, scale: Scale) -> Floats:
    if scale == "number":
        return logits
    if scale == "any-of-many":
        chances: Floats = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        return chances
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(-1, keepdims=True)
    return probabilities
