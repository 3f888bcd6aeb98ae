"""Which tokens stand around every input of a tokenizer?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Specials:
    """Before and after: such as the one that begins every input, and the one that ends it."""

    before: Ints
    after: Ints

    @classmethod
    def of(cls, backend: Any) -> Specials:
        """`backend` is a tokenizer of the tokenizers library."""
        encoded = backend.encode("a", add_special_tokens=True)
        of_text = [index for index, word in enumerate(encoded.word_ids) if word is not None]
        first, last = (of_text[0], of_text[-1]) if of_text else (len(encoded.ids), len(encoded.ids))
        ids = np.array(encoded.ids, np.int64)
        return cls(ids[:first], ids[last + 1 :])

    @property
    def count(self) -> int:
        return len(self.before) + len(self.after)

    def around(self, ids: Ints) -> Ints:
        return np.concatenate([self.before, ids, self.after])


def backend_of(tokenizer: Any) -> Any:
    """The tokenizers library's part of one of transformers' tokenizers, which neither cuts nor fills up.
    Raises ValueError where there is none."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ValueError(f"{type(tokenizer).__name__} is not backed by the tokenizers library")
    backend.no_truncation()
    backend.no_padding()
    return backend
