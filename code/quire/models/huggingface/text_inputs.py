"""How does a long text become a model's input? Tokens that know their place in the text, cut into windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quire.models.huggingface.token_specials import Ints, Specials, backend_of
from quire.models.huggingface.windows import Window, WindowLimits, best_windows, windows_of


@dataclass(frozen=True)
class TextSpan:
    """Characters `start` to `stop`, the latter excluded, of a text."""

    start: int
    stop: int


@dataclass(frozen=True)
class TextTokens:
    """A text's tokens: their ids, the characters [n, 2] that each stands for, and its word's number."""

    ids: Ints
    characters: Ints
    words: Ints

    @property
    def firsts(self) -> npt.NDArray[np.intp]:
        """The first token of each word, which speaks for it."""
        return np.flatnonzero(np.diff(self.words, prepend=-1))

    def span(self, start: int, stop: int) -> TextSpan:
        """Of tokens `start` to `stop`, the latter excluded."""
        inside = self.characters[start:stop]
        return TextSpan(int(inside[:, 0].min()), int(inside[:, 1].max()))


@dataclass(frozen=True)
class TextWindow:
    """A window's ids with the specials around them. `is_counted`, for each, is true for specials and for
    tokens that have their best place in this window: so no token is counted twice. `first` is the row of
    the window's own first token."""

    ids: Ints
    is_counted: npt.NDArray[np.bool_]
    window: Window
    first: int

    @property
    def num_counted(self) -> int:
        return int(self.is_counted.sum())


class TextTokenizer:
    """A folder's own tokenizer, on whole texts."""

    def __init__(self, tokenizer: Any) -> None:
        """`tokenizer` is one of transformers'. Raises ValueError for one that the tokenizers library does
        not back."""
        self._backend = backend_of(tokenizer)
        self._specials = Specials.of(self._backend)

    @property
    def num_specials(self) -> int:
        return self._specials.count

    def tokens(self, text: str) -> TextTokens:
        # A batch of one, since `encode` keeps Python's lock until it is through, and all threads stand still.
        (encoded,) = self._backend.encode_batch([text], add_special_tokens=False)
        return TextTokens(
            ids=np.array(encoded.ids, np.int64),
            characters=np.array(encoded.offsets, np.int64).reshape(-1, 2),
            words=np.array([-1 if word is None else word for word in encoded.word_ids], np.int64),
        )

    def windows(self, tokens: TextTokens, limits: WindowLimits) -> list[TextWindow]:
        """An empty text has one window, of specials alone."""
        num_tokens = len(tokens.ids)
        windows = windows_of(num_tokens, limits) or [Window(0, 0)]
        best = best_windows(num_tokens, windows)
        # Compared within the window alone: across the whole text, each of many windows would cost as much
        # as the text is long.
        return [
            self._window(tokens, window, best[window.start : window.stop] == index)
            for index, window in enumerate(windows)
        ]

    def _window(self, tokens: TextTokens, window: Window, is_best: npt.NDArray[np.bool_]) -> TextWindow:
        """`is_best` is of the window's own tokens."""
        before, after = len(self._specials.before), len(self._specials.after)
        inside = slice(window.start, window.stop)
        counted = np.pad(is_best, (before, after), constant_values=True)
        return TextWindow(self._specials.around(tokens.ids[inside]), counted, window, before)
