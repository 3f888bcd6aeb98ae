"""A model that tags words by what they say and where they stand: the default reader finds the words, and
its lanes are this model's as well."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from quire.engine.port import Item, Lane, PageModel, Pixels
from quire.models.huggingface.page_picture import PagePicture
from quire.models.huggingface.page_words import Upright, Word, polygon_around, words_of
from quire.models.huggingface.tags import Tag, spans_of
from quire.models.huggingface.token_inputs import WordTokenizer, WordTokens
from quire.models.huggingface.token_lane import TOKENS, Logits, TokenLane, TokenWindow
from quire.models.huggingface.windows import (
    Window,
    WindowLimits,
    best_windows,
    length_canvas,
    lengths_up_to,
    windows_of,
)
from quire.words.reading import Entity, Line, ModelInfo, PageText

Floats = npt.NDArray[np.float64]
PageSteps = Generator[Sequence[Item], Sequence[Any], PageText]


@dataclass(frozen=True)
class Tagging:
    """How a folder's model is used. `tags` by class; `image_processor` for a model that sees the page."""

    tokenizer: WordTokenizer
    limits: WindowLimits
    tags: tuple[Tag, ...]
    takes_line_boxes: bool
    image_processor: Any | None

    @property
    def lengths(self) -> tuple[int, ...]:
        return lengths_up_to(self.limits.most_tokens + self.tokenizer.num_specials)


class WordsAndBoxesModel:
    """Reads a page with `reader`, and tags its words."""

    def __init__(self, reader: PageModel, tagging: Tagging, lane: TokenLane, info: ModelInfo) -> None:
        self.info = info
        self.lanes: Mapping[str, Lane] = {**reader.lanes, TOKENS: lane}
        self._reader = reader
        self._tagging = tagging
        self._lane = lane

    def warm_up(self) -> None:
        """The reader, and one window of every length."""
        self._reader.warm_up()
        for length in self._tagging.lengths:
            picture = self._picture(np.full((8, 8, 3), 255, np.uint8), 0)
            window = TokenWindow(np.ones(length, np.int64), np.zeros((length, 4), np.int64), picture)
            canvas = length_canvas(length, self._tagging.lengths)
            self._lane.post(self._lane.device(self._lane.pre(canvas, [window])), [window])

    def read(self, pixels: Pixels) -> PageSteps:
        """Reads one page; `pixels` is RGB, and borrowed."""
        page = yield from self._reader.read(pixels)
        words = words_of(page.lines)
        tokens = self._tagging.tokenizer.tokens([word.text for word in words])
        if not len(tokens.ids):
            return page
        quarters = page.rotation_degrees // 90
        boxes = self._boxes(words, page.lines, Upright(pixels.shape[1], pixels.shape[0], quarters))
        windows = windows_of(len(tokens.ids), self._tagging.limits)
        picture = self._picture(pixels, quarters)
        outputs = yield [self._item(tokens, window, boxes, picture) for window in windows]
        probabilities = _softmax(self._logits_of_words(tokens, windows, outputs))
        tagged = [words[index] for index in tokens.words[tokens.firsts]]
        return replace(page, entities=self._entities(tagged, probabilities, quarters))

    def _boxes(self, words: Sequence[Word], lines: Sequence[Line], upright: Upright) -> npt.NDArray[np.int64]:
        if self._tagging.takes_line_boxes:
            return upright.boxes([lines[word.line].polygon for word in words])
        return upright.boxes([word.polygon for word in words])

    def _picture(self, pixels: Pixels, quarters: int) -> PagePicture | None:
        processor = self._tagging.image_processor
        return None if processor is None else PagePicture(pixels, quarters, processor)

    def _item(
        self, tokens: WordTokens, window: Window, boxes: npt.NDArray[np.int64], picture: PagePicture | None
    ) -> Item:
        tokenizer = self._tagging.tokenizer
        ids = tokenizer.window_ids(tokens, window)
        payload = TokenWindow(ids, tokenizer.window_boxes(tokens, window, boxes), picture)
        return Item(TOKENS, length_canvas(len(ids), self._tagging.lengths), payload)

    def _logits_of_words(
        self, tokens: WordTokens, windows: Sequence[Window], outputs: Sequence[Logits]
    ) -> Logits:
        """[n, classes]: of each word's first token, from the window in which that has the most context."""
        best = best_windows(len(tokens.ids), windows)
        place = self._tagging.tokenizer.place_in_window
        return np.stack(
            [outputs[best[token]][place(windows[best[token]], int(token))] for token in tokens.firsts]
        )

    def _entities(self, words: Sequence[Word], probabilities: Floats, quarters: int) -> tuple[Entity, ...]:
        """`words` and the rows of `probabilities` belong together."""
        classes, scores = probabilities.argmax(1), probabilities.max(1)
        return tuple(
            Entity(
                label=span.label,
                text=" ".join(word.text for word in words[span.start : span.stop]),
                score=min(1.0, float(scores[span.start : span.stop].mean())),
                polygon=polygon_around(words[span.start : span.stop], quarters),
                lines=tuple(sorted({word.line for word in words[span.start : span.stop]})),
            )
            for span in spans_of([self._tagging.tags[index] for index in classes])
        )


def _softmax(logits: Logits) -> Floats:
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    probabilities: Floats = powers / powers.sum(1, keepdims=True)
    return probabilities
