"""The two lanes of a decoding model: images and prompts are read, and answers written burst by burst.

Every sequence that is being written is in the same batch, whatever its page, its document or its length.
A burst is so many tokens greedily after one another, with nothing asked of the host between: its length is
a trade between the way through the pipeline, which each burst costs once, and tokens written in vain
behind an answer's end. docs/decisions/0013-decoding.md has the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.decoding.network import PROMPT, PageInputs, PagePreparer
from quire.models.decoding.prompts import PromptRefused
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
    """A batch of pages as the network reads them; one whose prompt is refused is in none of `alike`."""

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
        pages = {place: self._read(page) for place, page in enumerate(payloads)}
        read = {place: inputs for place, inputs in pages.items() if inputs is not None}
        lengths = [int(read[place][PROMPT].shape[1]) if place in read else 0 for place in pages]
        with self._side.guard():
            alike = tuple(self._joined(read, places) for places in _by_shape(read))
        return Images(tuple(payloads), alike, tuple(lengths))

    def _read(self, page: PageSequence) -> PageInputs | None:
        """None where the page's own prompt is refused: no other page in the batch is to suffer for it."""
        try:
            inputs = self._prepare(page.pixels, page.prompt)
            num_tokens, most = inputs[PROMPT].shape[1], self._writer.network.max_positions
            if num_tokens >= most:
                raise PromptRefused(
                    f"prompt and page are {num_tokens} tokens, which leaves no room for an answer in {most}"
                )
        except PromptRefused as error:
            if page.prompt is None:
                raise
            page.refusal = str(error)
            return None
        return inputs

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

    def _joined(self, pages: Mapping[int, PageInputs], places: Sequence[int]) -> Alike:
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


def _by_shape(pages: Mapping[int, PageInputs]) -> list[list[int]]:
    groups: defaultdict[frozenset[tuple[str, tuple[int, ...]]], list[int]] = defaultdict(list)
    for place, page in pages.items():
        groups[frozenset((name, values.shape) for name, values in page.items())].append(place)
    return list(groups.values())
