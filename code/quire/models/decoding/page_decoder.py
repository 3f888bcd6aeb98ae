"""A decoding model as the device worker sees it: page pixels in, what it writes about the page out."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from quire.engine.port import Canvas, Item, Lane, Pixels
from quire.models.decoding.answers import AnswerReader
from quire.models.decoding.lanes import BURST, DECODE, ENCODE, DecodeLane, EncodeLane
from quire.models.decoding.sequences import Answer, Begun, Endings, PageSequence
from quire.words.errors import BadRequest
from quire.words.reading import ModelInfo, PageText
from quire.words.request import Asked


@dataclass(frozen=True)
class Writing:
    """How pages are written: the canvas that a page of so many pixels (height, width) is laid on, when an
    answer ends, how its tokens are read, and how many tokens a sequence may have in all."""

    canvas: Callable[[int, int], Canvas]
    endings: Endings
    read_answer: AnswerReader
    max_positions: int
    deadline_seconds: float = math.inf
    burst: Canvas = BURST


class PageDecoder:
    """`clock` tells seconds."""

    def __init__(
        self,
        info: ModelInfo,
        encode: EncodeLane,
        decode: DecodeLane,
        writing: Writing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.info = info
        self.lanes: Mapping[str, Lane] = {ENCODE: encode, DECODE: decode}
        self._writing = writing
        self._clock = clock

    def with_burst(self, burst: Canvas) -> PageDecoder:
        """The same with bursts of another length, on the same lanes."""
        other = copy.copy(self)
        other._writing = dataclasses.replace(self._writing, burst=burst)
        return other

    def warm_up(self) -> None:
        """An empty page to the end of its first burst."""
        reading = self.read(np.full((1000, 700, 3), 255, np.uint8))
        with contextlib.suppress(StopIteration):
            items = next(reading)
            for _ in self.lanes:
                items = reading.send([self._run(item) for item in items])
        reading.close()

    def _run(self, item: Item) -> Any:
        lane = self.lanes[item.lane]
        return lane.post(lane.device(lane.pre(item.canvas, [item.payload])), [item.payload])[0]

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        """Writes one page. The page's row is free as soon as the generator ends, is closed or fails."""
        return self.read_asked(pixels, Asked())

    def read_asked(self, pixels: Pixels, asked: Asked) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        """As `read`; an answer is never longer than what the folder allows. Raises BadRequest for a prompt
        that the model cannot be asked."""
        give_up_at = self._clock() + self._writing.deadline_seconds
        page = PageSequence(pixels, prompt=asked.prompt)
        try:
            height, width, _ = pixels.shape
            (begun,) = yield [Item(ENCODE, self._writing.canvas(height, width), page)]
            answer = self._begun(page, begun, asked.max_tokens)
            while not answer.is_over:
                (tokens,) = yield [Item(DECODE, self._writing.burst, page)]
                page.length += len(tokens)
                page.newest = tokens[-1]
                answer.add(tokens)
                if not answer.is_over and self._clock() >= give_up_at:
                    answer.cut()
        finally:
            page.is_over = True
        text = self._writing.read_answer(answer.tokens, asked.prompt)
        return msgspec.structs.replace(text, is_cut=answer.is_cut)

    def _begun(self, page: PageSequence, begun: Begun, max_tokens: int | None) -> Answer:
        if page.refusal is not None:
            raise BadRequest(f"prompt: {page.refusal}")
        page.length, page.newest = begun.num_prompt_tokens, begun.token
        endings = self._writing.endings
        room = self._writing.max_positions - begun.num_prompt_tokens
        answer = Answer(endings, min(endings.max_tokens, max_tokens or endings.max_tokens, room))
        answer.add([begun.token])
        return answer
