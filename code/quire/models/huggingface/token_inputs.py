"""How do words become a model's input? Tokens of a page, each with its word and box, cut into windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quire.models.huggingface.token_specials import Ints, Specials, backend_of
from quire.models.huggingface.windows import Window


@dataclass(frozen=True)
class WordTokens:
    """The tokens of a page's words: their ids, and the index of each one's word."""

    ids: Ints
    words: Ints

    @property
    def firsts(self) -> npt.NDArray[np.intp]:
        """The first token of each word that has any: it speaks for the word."""
        return np.flatnonzero(np.diff(self.words, prepend=-1))


class WordTokenizer:
    """A folder's own tokenizer, on words that are already parted."""

    def __init__(self, tokenizer: Any) -> None:
        """`tokenizer` is one of transformers'. Raises ValueError for one that the tokenizers library does
        not back."""
        self._backend = backend_of(tokenizer)
        self._specials = Specials.of(self._backend)
        self._box_before = _box(tokenizer, "cls_token_box")
        self._box_after = _box(tokenizer, "sep_token_box")

    @property
    def num_specials(self) -> int:
        """How many tokens every input has beside those of words."""
        return self._specials.count

    def tokens(self, words: Sequence[str]) -> WordTokens:
        """Of a word that the tokenizer makes nothing of there are none."""
        encoded = self._backend.encode(list(words), is_pretokenized=True, add_special_tokens=False)
        return WordTokens(np.array(encoded.ids, np.int64), np.array(encoded.word_ids, np.int64))

    def window_ids(self, tokens: WordTokens, window: Window) -> Ints:
        """[n]: the window's tokens between the specials."""
        return self._specials.around(tokens.ids[window.start : window.stop])

    def window_boxes(self, tokens: WordTokens, window: Window, boxes: Ints) -> Ints:
        """[n, 4]: each token's box is its word's in `boxes`."""
        inside = boxes[tokens.words[window.start : window.stop]]
        before = np.repeat(self._box_before, len(self._specials.before), axis=0)
        after = np.repeat(self._box_after, len(self._specials.after), axis=0)
        return np.concatenate([before, inside, after])

    def place_in_window(self, window: Window, token: int) -> int:
        """The row of the window's output that is for this token."""
        return len(self._specials.before) + token - window.start


def _box(tokenizer: Any, name: str) -> Ints:
    return np.array([getattr(tokenizer, name, None) or [0, 0, 0, 0]], np.int64)
