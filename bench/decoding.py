"""How much faster are documents decoded together than one at a time? On tiny models, with their real code.

    PYTHONPATH=code python -m bench.decoding [--documents 8] [--rounds 5] [--max-tokens 200]
        [--bursts 1,2,4,8] [--families donut,trocr,got_ocr2,idefics3]

Runs are interleaved. For each family and length of a burst: medians of what all documents took one at a time
and together, and their ratio, by the clock and of the processor (which other work on the machine hardly
touches); and how many pages a batch of `decode` held in the mean. Tiny models are all overhead: with a real
one, a step of eight rows costs what a step of one does as far as reading the weights is what takes the time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from bench.decoding_run import LanesRun, run_lanes
from quire.engine.port import Canvas, PageModel, Pixels
from quire.models.decoding.lanes import BURST_TOKENS, DECODE
from quire.models.decoding.loading import load_decoder
from quire.models.decoding.page_decoder import PageDecoder
from tests.fakes.tiny_decoders import SETTINGS, TINY


@dataclass
class Figures:
    """The runs of each round."""

    alone: list[LanesRun] = field(default_factory=list)
    together: list[LanesRun] = field(default_factory=list)

    def line(self) -> str:
        """The medians, by the clock and of the processor, and pages in a batch of `decode`."""
        clock = [statistics.median(run.seconds for run in runs) for runs in (self.alone, self.together)]
        spent = [
            statistics.median(run.processor_seconds for run in runs) for runs in (self.alone, self.together)
        ]
        batch = statistics.median(mean_batch(run) for run in self.together)
        parts = (
            f"{alone:>9.3f}{together:>10.3f}{alone / together:>7.2f}" for alone, together in (clock, spent)
        )
        return "".join(parts) + f"{batch:>7.2f}"


def drawn_pages(number: int, seed: int = 5) -> list[Pixels]:
    """Pages of three sizes, whose noise no two share."""
    random = np.random.default_rng(seed)
    sizes = ((300, 200), (340, 260), (380, 200))
    return [random.integers(0, 256, (*sizes[place % 3], 3), dtype=np.uint8) for place in range(number)]


def measure(model: PageModel, pages: Sequence[Pixels], rounds: int) -> Figures:
    """One warm round first. Raises AssertionError where company changes an answer."""
    figures = Figures()
    run_lanes(model, pages, at_once=len(pages))
    for _ in range(rounds):
        alone, together = (run_lanes(model, pages, at_once) for at_once in (1, len(pages)))
        assert alone.texts == together.texts, "an answer hangs on its company"
        figures.alone.append(alone)
        figures.together.append(together)
    return figures


def mean_batch(run: LanesRun) -> float:
    """Pages in a batch of `decode`."""
    return statistics.mean(run.batch_sizes(DECODE))


def with_burst(model: PageModel, num_tokens: int) -> PageModel:
    """The same decoder with bursts of another length."""
    assert isinstance(model, PageDecoder)
    return model.with_burst(Canvas(1, num_tokens))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--bursts", default=str(BURST_TOKENS))
    parser.add_argument("--families", default=",".join(TINY))
    given = parser.parse_args()
    pages = drawn_pages(given.documents)
    print(
        f"{given.documents} documents of a page, at most {given.max_tokens} tokens, torch {torch.__version__}"
    )
    print(f"{'':<18}{'by the clock':^26}{'of the processor':^26}  pages")
    print(
        f"{'family':<12}{'burst':>6}{'alone s  together  ratio':>26}{'alone s  together  ratio':>26}  a batch"
    )
    for family in given.families.split(","):
        with tempfile.TemporaryDirectory() as folder:
            TINY[family](Path(folder))
            loaded = load_decoder(
                Path(folder), {"max_tokens": given.max_tokens, "slots": given.documents}, SETTINGS
            )
            for burst in map(int, given.bursts.split(",")):
                figures = measure(with_burst(loaded.model, burst), pages, given.rounds)
                print(f"{family:<12}{burst:>6}{figures.line()}", flush=True)


if __name__ == "__main__":
    main()
