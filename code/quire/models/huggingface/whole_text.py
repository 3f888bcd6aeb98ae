"""A page model that reads each document's text as a whole, once the default reader has read its pages."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from quire.engine.port import Item, Lane, PageModel, Pixels, Texts
from quire.models.huggingface.text_fields import fields_of
from quire.models.huggingface.text_inputs import TextWindow
from quire.models.huggingface.text_lane import TEXT
from quire.models.huggingface.text_models import TextClassifier, TextEmbedder, TextTagger
from quire.models.huggingface.windows import Window
from quire.words.reading import ModelInfo, PageText

Steps = Generator[Sequence[Item], Sequence[Any], PageText]

BETWEEN_PAGES = "\n"
"""One character, as the form feed is that stands between pages in plain text: places count the same in both.
Tokenizers drop a form feed, and would join the words beside it."""


class WholeTextModel:
    """Also a TextModel of the engine's port. `model` and `reader` stand on one device."""

    def __init__(
        self, reader: PageModel, model: TextClassifier | TextTagger | TextEmbedder, info: ModelInfo
    ) -> None:
        self.info = info
        self.lanes: Mapping[str, Lane] = {**reader.lanes, TEXT: model.reading.lane}
        self._reader = reader
        self._model = model

    def warm_up(self) -> None:
        """The reader, and one window of every length."""
        self._reader.warm_up()
        reading = self._model.reading
        for length in reading.lengths:
            ids = np.full(length, reading.lane.pad_id, np.int64)
            (item,) = reading.items([TextWindow(ids, np.ones(length, np.bool_), Window(0, length), 0)])
            reading.lane.post(
                reading.lane.device(reading.lane.pre(item.canvas, [item.payload])), [item.payload]
            )

    def read(self, pixels: Pixels) -> Steps:
        """Reads one page; `pixels` is RGB, and borrowed."""
        return self._reader.read(pixels)

    def read_text(self, texts: Texts) -> Steps:
        """What the model says of the pages' texts, as `fields`."""
        found = yield from self._model.read(BETWEEN_PAGES.join(texts))
        return PageText(text="", fields=fields_of(found))
