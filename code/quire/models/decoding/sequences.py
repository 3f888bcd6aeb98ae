"""What is known of a page's sequence while it is written, and when is it over? Free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from quire.engine.port import Pixels

_LONGEST_PHRASE = 32
"""Tokens of a phrase whose repetition is noticed."""


@dataclass(eq=False)
class PageSequence:
    """What the lanes hand round of one page, and only read. `length` counts the tokens before the
    `newest`: those whose keys and values lie on the device. `is_over` gives its row free at once.
    `prompt` None is the model's own. `refusal` is what the lane `encode` writes: why the prompt cannot be
    asked."""

    pixels: Pixels
    length: int = 0
    newest: int = 0
    is_over: bool = False
    prompt: str | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Begun:
    """The image and the prompt were read: the first token, and how long the prompt was."""

    token: int
    num_prompt_tokens: int


@dataclass(frozen=True)
class Endings:
    """`stop_tokens` end an answer and are no part of it. `max_tokens` and `max_repeats` as in options."""

    stop_tokens: frozenset[int]
    max_tokens: int
    max_repeats: int | None = None


@dataclass
class Answer:
    """The tokens of a page's answer so far. `is_cut` when something else than a stop token ended it."""

    endings: Endings
    max_tokens: int
    tokens: list[int] = field(default_factory=list)
    is_over: bool = False
    is_cut: bool = False

    def add(self, new: list[int]) -> None:
        """What follows the answer's end in `new` was written in vain, and is left out."""
        for token in new:
            if token in self.endings.stop_tokens:
                self.is_over = True
                return
            self.tokens.append(token)
            if len(self.tokens) >= self.max_tokens:
                self.cut()
                return
        if self.endings.max_repeats is not None and is_repeating(self.tokens, self.endings.max_repeats):
            self.cut()

    def cut(self) -> None:
        self.is_over = self.is_cut = True


def is_repeating(tokens: list[int], max_repeats: int) -> bool:
    """Whether the end is one phrase of up to 32 tokens more than `max_repeats` times."""
    for size in range(1, _LONGEST_PHRASE + 1):
        span = size * (max_repeats + 1)
        if len(tokens) >= span and tokens[-span:-size] == tokens[size - span :]:
            return True
    return False
