"""A model that reads the text of a whole document: what it asks of its lane, and what it answers.

Each is a generator as a page's is: items go out, one output for each comes back.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from quire.engine.port import Item
from quire.models.huggingface.tags import Tag
from quire.models.huggingface.text_answers import (
    Floats,
    Scale,
    TextClasses,
    TextEntity,
    classes_of,
    entities_of,
    first_of,
    mean_of,
    normalised,
)
from quire.models.huggingface.text_inputs import TextTokenizer, TextTokens, TextWindow
from quire.models.huggingface.text_lane import TEXT, TextLane
from quire.models.huggingface.windows import WindowLimits, length_canvas, lengths_up_to

_Result = TypeVar("_Result")

TextSteps = Generator[Sequence[Item], Sequence[Any], _Result]


@dataclass(frozen=True)
class TextReading:
    """How a folder's model takes texts."""

    tokenizer: TextTokenizer
    limits: WindowLimits
    lane: TextLane

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of the canvases."""
        return lengths_up_to(self.limits.most_tokens + self.tokenizer.num_specials)

    def windows(self, text: str) -> tuple[TextTokens, list[TextWindow]]:
        tokens = self.tokenizer.tokens(text)
        return tokens, self.tokenizer.windows(tokens, self.limits)

    def items(self, windows: Sequence[TextWindow]) -> list[Item]:
        return [Item(TEXT, length_canvas(len(each.ids), self.lengths), each) for each in windows]


@dataclass(frozen=True)
class TextClassifier:
    """`labels` by class."""

    reading: TextReading
    labels: tuple[str, ...]
    scale: Scale

    def read(self, text: str) -> TextSteps[TextClasses]:
        tokens, windows = self.reading.windows(text)
        outputs = yield self.reading.items(windows)
        return classes_of(tokens, windows, outputs, self.labels, self.scale)


@dataclass(frozen=True)
class TextTagger:
    """`tags` by class."""

    reading: TextReading
    tags: tuple[Tag, ...]

    def read(self, text: str) -> TextSteps[tuple[TextEntity, ...]]:
        tokens, windows = self.reading.windows(text)
        outputs = yield self.reading.items(windows)
        return entities_of(text, tokens, windows, outputs, self.tags)


@dataclass(frozen=True)
class TextEmbedder:
    """`takes_mean`: of all states, else the first one's. `has_length_one`: the vector is normalised."""

    reading: TextReading
    takes_mean: bool
    has_length_one: bool

    def read(self, text: str) -> TextSteps[Floats]:
        _, windows = self.reading.windows(text)
        outputs = yield self.reading.items(windows)
        vector = mean_of(windows, outputs) if self.takes_mean else first_of(windows, outputs)
        return normalised(vector) if self.has_length_one else vector
