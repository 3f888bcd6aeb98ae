"""The two lanes of a decoding model: images and prompts are read, and answers written burst by burst.

Every sequence that is being written is in the same batch, whatever its page, its document or its length.
A burst is so many tokens greedily after one another, with nothing asked of the host between: its length is
a trade between the way through the pipeline, which each burst costs once, and tokens written in vain
behind an answer's end. docs/decisions/0013-decoding.md has the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.decoding.network import PROMPT, PageInputs, PagePreparer
from quire.models.decoding.sequences import Begun, PageSequence
from quire.models.decoding.writer import Writer
from quire.models.device_side.side import Fetch

ENCODE = "encode"
DECODE = "decode"

BURST_TOKENS = 4

BURST = Canvas(1, BURST_TOKENS)
"""The one canvas of the lane `decode`, where a pixel is a token: all sequences are written together."""


@dataclass(frozen=True)
class Alike:
    """Pages whose inputs have one shape: they are read together, and nothing is padded. `places` are
    their places in the batch."""

    places: tuple[int, ...]
    inputs: dict[str, Tensor]


@dataclass(frozen=True)
class Images:
    """A batch of pages as the network reads them."""

    pages: tuple[PageSequence, ...]
    alike: tuple[Alike, ...]
    num_prompt_tokens: tuple[int, ...]


@dataclass(frozen=True)
class Burst:
    """Pages that are written on, by so many tokens each."""

    pages: tuple[PageSequence, ...]
    num_tokens: int


class EncodeLane:
    """Payload: PageSequence. Output: Begun. The page has a row from then on."""

    def __init__(self, writer: Writer, prepare: PagePreparer, batch_pixels: int) -> None:
        self._writer = writer
        self._side = writer.side
        self._prepare = prepare
        self._batch_pixels = batch_pixels

    def max_items(self, canvas: Canvas) -> int:
        return max(1, self._batch_pixels // canvas.pixels)

    def pre(self, canvas: Canvas, payloads: Sequence[PageSequence]) -> Images:
        pages = [self._prepare(page.pixels, page.prompt) for page in payloads]
        lengths = tuple(int(page[PROMPT].shape[1]) for page in pages)
        if max(lengths) >= self._writer.network.max_positions:
            raise ValueError(f"the prompt of {max(lengths)} tokens leaves no room for an answer")
        with self._side.guard():
            alike = tuple(self._joined(pages, places) for places in _by_shape(pages))
        return Images(tuple(payloads), alike, lengths)

    def device(self, prepared: Images) -> Fetch:
        with self._side.guard(), torch.inference_mode():
            first = torch.zeros(len(prepared.pages), dtype=torch.long, device=self._side.device)
            for alike in prepared.alike:
                pages = [prepared.pages[place] for place in alike.places]
                first[list(alike.places)] = self._writer.begin(pages, alike.inputs)
            lengths = self._side.upload(np.array(prepared.num_prompt_tokens))
            return self._side.fetch([first, lengths])

    def post(self, output: Fetch, payloads: Sequence[PageSequence]) -> list[Begun]:
        first, lengths = output.arrays()
        return [Begun(int(token), int(length)) for token, length in zip(first, lengths, strict=True)]

    def _joined(self, pages: Sequence[PageInputs], places: Sequence[int]) -> Alike:
        chosen = [pages[place] for place in places]
        inputs = {name: np.concatenate([page[name] for page in chosen]) for name in chosen[0]}
        return Alike(tuple(places), {name: self._side.upload(values) for name, values in inputs.items()})


class DecodeLane:
    """Payload: PageSequence. Output: the tokens of a burst, list[int]. It is filled up rather than run
    alternately: see quire.engine.port.Stepwise."""

    is_stepwise = True

    def __init__(self, writer: Writer, max_sequences: int) -> None:
        self._writer = writer
        self._side = writer.side
        self._max_sequences = max_sequences

    @property
    def num_sequences(self) -> int:
        """Those that hold a row."""
        return self._writer.rows.num_taken

    @property
    def num_rows(self) -> int:
        """Those that are held or free."""
        return len(self._writer.rows)

    def max_items(self, canvas: Canvas) -> int:
        return self._max_sequences

    def pre(self, canvas: Canvas, payloads: Sequence[PageSequence]) -> Burst:
        return Burst(tuple(payloads), canvas.width)

    def device(self, prepared: Burst) -> Fetch:
        with self._side.guard(), torch.inference_mode():
            return self._side.fetch([self._writer.go_on(prepared.pages, prepared.num_tokens)])

    def post(self, output: Fetch, payloads: Sequence[PageSequence]) -> list[list[int]]:
        (tokens,) = output.arrays()
        return [[int(token) for token in row] for row in tokens]


def _by_shape(pages: Sequence[PageInputs]) -> list[list[int]]:
    groups: defaultdict[frozenset[tuple[str, tuple[int, ...]]], list[int]] = defaultdict(list)
    for place, page in enumerate(pages):
        groups[frozenset((name, values.shape) for name, values in page.items())].append(place)
    return list(groups.values())
