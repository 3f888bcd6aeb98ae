"""Do the rows work for this network? Seen once, before anything is served: a kind of model that nobody
tried here is refused rather than read wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import Pixels
from quire.models.decoding.network import PROMPT, PagePreparer
from quire.models.decoding.sequences import PageSequence
from quire.models.decoding.writer import Writer

_NUM_TOKENS = 4
"""Of each burst of the proof."""

_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.1}
"""By how much of their spread a step's logits may lie, in the mean, from those without rows or cache. In 16
bits that is coarse; what is wrong for a kind of model shows in all formats alike."""


_STRANGE = (ValueError, TypeError, LookupError, AttributeError, RuntimeError, NotImplementedError)


class RowsDoNotWork(Exception):
    """The network in rows does not write what it writes alone and without a cache."""


def prove_rows(writer: Writer, prepare: PagePreparer) -> int:
    """Writes three pages, two of which are read together and join when the first is ahead of them, and
    holds every token against the plain network. Gives how many tokens their prompt had. Raises
    RowsDoNotWork, also for what a network raises that is called in a way that it does not know, and
    DeviceOutOfMemory or DeviceLost."""
    try:
        with writer.side.guard(), torch.inference_mode():
            return _prove(writer, prepare)
    except _STRANGE as error:
        first_line = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise RowsDoNotWork(f"its kind cannot be written in rows: {first_line}") from error


@dataclass
class _Written:
    """A page, and what was written of it: the tokens, and the logits behind each but the first."""

    page: PageSequence
    inputs: Mapping[str, Tensor]
    tokens: list[int] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)


def _prove(writer: Writer, prepare: PagePreparer) -> int:
    pages = first, *others = [
        _Written(
            PageSequence(pixels),
            {name: writer.side.upload(values) for name, values in prepare(pixels).items()},
        )
        for pixels in _pictures()
    ]
    _begin(writer, [first])
    _go_on(writer, [first])
    _begin(writer, others)
    _go_on(writer, pages)
    for written in pages:
        written.page.is_over = True
        _compare(writer, written)
    return int(first.inputs[PROMPT].shape[1])


def _pictures() -> list[Pixels]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (300, 200, 3), dtype=np.uint8) for _ in range(3)]


def _begin(writer: Writer, together: list[_Written]) -> None:
    """Pictures of one size have inputs of one shape."""
    joined = {name: torch.cat([each.inputs[name] for each in together]) for name in together[0].inputs}
    tokens = writer.begin([each.page for each in together], joined).tolist()
    for written, token in zip(together, tokens, strict=True):
        written.tokens.append(token)
        written.page.length, written.page.newest = int(written.inputs[PROMPT].shape[1]), token


def _go_on(writer: Writer, together: list[_Written]) -> None:
    steps: list[Tensor] = []
    tokens = writer.go_on([written.page for written in together], _NUM_TOKENS, steps).tolist()
    for row, written in enumerate(together):
        written.logits.extend(step[row] for step in steps)
        written.tokens.extend(tokens[row])
        written.page.length += _NUM_TOKENS
        written.page.newest = written.tokens[-1]


def _compare(writer: Writer, written: _Written) -> None:
    tokens = torch.tensor([written.tokens], device=writer.side.device)
    plain = writer.network.plain_logits(written.inputs, tokens)[0, 1:]
    stepped = torch.stack(written.logits)
    apart = (stepped.float() - plain.float()).abs().mean(dim=1).amax().item()
    spread = plain.float().std(dim=1).mean().item()
    if not apart <= _TOLERANCES.get(plain.dtype, 0.0) * spread:
        raise RowsDoNotWork(
            "what the model writes in a batch is not what it writes alone, so that its kind cannot be served "
            f"(its logits are {apart:.3g} apart, where they differ by {spread:.3g} among themselves)"
        )
