"""Tokens, windows and spans of texts, without a network."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from quire.models.huggingface.tags import Tag
from quire.models.huggingface.text_answers import TextEntity, entities_of
from quire.models.huggingface.text_inputs import TextSpan, TextTokenizer, TextTokens, TextWindow
from quire.models.huggingface.windows import Window, WindowLimits
from tests.fakes.tiny_token_models import tiny_tokenizer

TAGS = (Tag(None), Tag("TOTAL"))


def entities(text: str, *places: tuple[int, int, bool]) -> tuple[TextEntity, ...]:
    """Of a text whose words begin and end where `places` says, and are a total or not."""
    characters = np.array([place[:2] for place in places], np.int64)
    tokens = TextTokens(np.arange(len(places)), characters, np.arange(len(places)))
    window = TextWindow(tokens.ids, np.ones(len(places), np.bool_), Window(0, len(places)), 0)
    logits = np.array([[0.0, 9.0] if is_total else [9.0, 0.0] for _, _, is_total in places], np.float32)
    return entities_of(text, tokens, [window], [logits], TAGS)


def test_white_space_around_its_words_is_no_part_of_an_entity() -> None:
    """Tokenizers of SentencePiece's kind count the white space before a word to the word."""
    (found,) = entities("owes EUR\n 148.50 now", (0, 4, False), (4, 8, True), (8, 17, True), (17, 20, False))
    assert (found.text, found.span) == ("EUR\n 148.50", TextSpan(5, 16))


def test_white_space_alone_is_no_entity() -> None:
    assert entities("owes  now", (0, 4, False), (4, 6, True), (6, 9, False)) == ()


@pytest.mark.parametrize("overlap", [0, 3, 7])
def test_every_token_is_counted_once(overlap: int) -> None:
    tokenizer = TextTokenizer(tiny_tokenizer())
    tokens = tokenizer.tokens("Tidewater Fittings Ltd owes 148.50 to Harbour Libraries. " * 5)
    windows = tokenizer.windows(tokens, WindowLimits(10, overlap))
    times = np.zeros(len(tokens.ids), int)
    for each in windows:
        inside = slice(each.first, each.first + each.window.stop - each.window.start)
        times[each.window.start : each.window.stop] += each.is_counted[inside]
    assert len(windows) > 5 and set(times) == {1}


def test_other_threads_go_on_while_a_long_text_is_tokenised() -> None:
    """Those that feed the device stand in the same process."""
    tokenizer, ended, steps = TextTokenizer(tiny_tokenizer()), threading.Event(), 0

    def step() -> None:
        nonlocal steps
        while not ended.is_set():
            time.sleep(0.001)
            steps += 1

    thread = threading.Thread(target=step)
    thread.start()
    tokenizer.tokens("Tidewater Fittings Ltd owes 148.50. " * 40_000)
    ended.set()
    thread.join()
    assert steps > 40
