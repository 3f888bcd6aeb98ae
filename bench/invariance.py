"""Does a page read the same alone, in any batch and beside any neighbour? `make bench-invariance`.

In fp32 every line must. In 16 bits a line may differ only where the network was undecided by less than
MOST_MARGIN_NATS; how many do is printed.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.documents import DOCUMENTS
from bench.in_process import read_pages
from bench.margins import Cause, Difference, Judge, confidence_margin
from bench.recorded import PageReading, Polygon, RecordingModel
from bench.report import publish
from quire.engine.port import Pixels
from quire.models.devices import choose_device, device_class
from quire.models.model_folder import default_model_dir
from quire.models.ppocr.lanes import RECOGNITION
from quire.models.ppocr.networks import load_networks
from quire.models.ppocr.reader import PPOCRReader
from quire.models.precision import Precision, choose_precision
from quire.words.reading import Line, ModelInfo, PageText
from quire.words.settings import Settings

MOST_MARGIN_NATS = 1.0
"""The likeliest class is then less than e times as probable as the next. Company can only change the order of
16-bit sums, so that its doing is smaller than all that 16 bits do. That was measured on the CPU, where
company changes nothing: of 28,716 steps bfloat16 decides 79 otherwise than float32, half of them by less
than 0.15 nats, but some by as much as 10, in lines of no sense; 1 is stricter than that."""

_MOST_IN_GROUP = 8


@dataclass
class Invariance:
    """Over all groupings. `differences` are of lines, named by page."""

    num_pages: int
    num_lines: int
    num_comparisons: int = 0
    differences: list[tuple[str, Difference]] = field(default_factory=list)

    @property
    def causes(self) -> Counter[str]:
        return Counter(difference.cause.value for _, difference in self.differences)

    @property
    def widest(self) -> float | None:
        """The largest margin of any line that differs; None where none has one."""
        margins = [each.margin for _, each in self.differences if each.margin is not None]
        return max(margins, default=None)

    @property
    def is_within(self) -> bool:
        return all(
            difference.margin is not None and difference.margin <= MOST_MARGIN_NATS
            for _, difference in self.differences
        )


def groupings(count: int, seeds: int) -> Iterator[list[list[int]]]:
    """All together; then, for each seed, all in another order and in groups of one to eight."""
    yield [list(range(count))]
    for seed in range(seeds):
        chance = random.Random(seed)
        order = chance.sample(range(count), count)
        cuts = [0]
        while cuts[-1] < count:
            cuts.append(min(count, cuts[-1] + chance.randint(1, _MOST_IN_GROUP)))
        yield [order[start:end] for start, end in pairwise(cuts)]


class Comparison:
    """One reader in one precision, and its readings of each page alone."""

    def __init__(self, folder: Path, settings: Settings, pages: dict[str, Pixels]) -> None:
        device = choose_device(settings.device)
        self.precision = choose_precision(settings.precision, device_class(device))
        networks = load_networks(folder, device, self.precision)
        reader = PPOCRReader(networks, ModelInfo(name="default", revision=""))
        self._model = RecordingModel(reader)
        self._judge = Judge(folder, networks, reader.lanes[RECOGNITION])
        self._names, self._pages = list(pages), list(pages.values())
        self._alone = [self._read([index])[0] for index in range(len(pages))]
        self.found = Invariance(len(pages), sum(len(page.text.lines) for page in self._alone))

    def _read(self, group: Sequence[int]) -> list[PageReading]:
        return self._model.take(read_pages(self._model, [self._pages[index] for index in group]))

    def exchange(self, index: int, pixels: Pixels) -> None:
        """Puts another page in the place of one that was read alone: its lines must then differ."""
        self._pages[index] = pixels

    def run(self, grouping: Sequence[Sequence[int]]) -> None:
        """Reads all pages in these groups and compares each line with itself alone."""
        for group in grouping:
            for index, beside in zip(group, self._read(group), strict=True):
                self.found.num_comparisons += 1
                differences = self._differences(self._alone[index], beside)
                self.found.differences += [(self._names[index], each) for each in differences]

    def _differences(self, alone: PageReading, beside: PageReading) -> list[Difference]:
        before, after = _by_place(alone.text), _by_place(beside.text)
        places = dict.fromkeys([*before, *after])
        changed = [place for place in places if _text(before.get(place)) != _text(after.get(place))]
        found = [
            self._difference(place, alone, beside, before.get(place), after.get(place)) for place in changed
        ]
        if not found and alone.text.text != beside.text.text:
            found.append(Difference(alone.text.text, beside.text.text, Cause.REGION, None))
        return found

    def _difference(
        self,
        place: Polygon,
        alone: PageReading,
        beside: PageReading,
        before: Line | None,
        after: Line | None,
    ) -> Difference:
        texts = (_text(before), _text(after))
        if place not in alone.lines or place not in beside.lines:
            return Difference(*texts, Cause.REGION, None)
        there = before or after
        if there is not None and not (before and after):
            return Difference(*texts, Cause.CONFIDENCE, confidence_margin(there.confidence))
        return self._judge.difference(alone.lines[place], beside.lines[place], texts)


def _by_place(text: PageText) -> dict[Polygon, Line]:
    return {line.polygon: line for line in text.lines}


def _text(line: Line | None) -> str:
    return line.text if line else ""


def compare(settings: Settings, pages: dict[str, Pixels], seeds: int) -> tuple[Precision, Invariance]:
    comparison = Comparison(default_model_dir(), settings, pages)
    for number, grouping in enumerate(groupings(len(pages), seeds)):
        comparison.run(grouping)
        print(f"{comparison.precision.value}, grouping {number + 1}: {comparison.found.causes}", flush=True)
    return comparison.precision, comparison.found


def table(found: dict[str, Invariance]) -> str:
    head = "| precision | pages | lines | pages beside others | lines that differ | widest, nats | within |"
    rows = []
    for precision, each in found.items():
        allowed = not each.differences if precision == "fp32" else each.is_within
        causes = ", ".join(f"{count} by {cause}" for cause, count in each.causes.items())
        widest = "" if each.widest is None else f"{each.widest:.3f}"
        rows.append(
            f"| {precision} | {each.num_pages} | {each.num_lines} | {each.num_comparisons} "
            f"| {len(each.differences)}{f' ({causes})' if causes else ''} | {widest} "
            f"| {'yes' if allowed else 'NO'} |"
        )
    return "\n".join([head, "|---" * 7 + "|", *rows])


def receipts(place: Path, count: int | None = None) -> dict[str, Pixels]:
    """By name. Raises FileNotFoundError where there are none."""
    files = sorted((place / "receipts").glob("*.jpg"))[:count]
    if not files:
        raise FileNotFoundError(f"no receipts in {place}: set QUIRE_DOCUMENTS")
    return {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipts", type=int, help="so many of them; all without")
    parser.add_argument("--seeds", type=int, default=4, help="random groupings (%(default)s)")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "auto"])
    parser.add_argument("--threads", type=int, default=1, help="of torch, on the CPU (%(default)s)")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    pages = receipts(DOCUMENTS, given.receipts)
    found = {}
    for asked in given.precisions:
        precision, each = compare(Settings.from_environ({"QUIRE_PRECISION": asked}), pages, given.seeds)
        found[precision.value] = each
    text = (
        f"Each receipt alone, all together, and in {given.seeds} random orders in groups of one to eight. In "
        f"16 bits a line may differ where the network is undecided by at most {MOST_MARGIN_NATS} nats.\n\n"
        f"{table(found)}"
    )
    figures = {name: {**asdict(each), "differences": _plain(each)} for name, each in found.items()}
    publish("invariance", "The same text in any company (`make bench-invariance`)", text, figures)


def _plain(found: Invariance) -> list[dict[str, object]]:
    return [
        {
            "page": name,
            "alone": each.alone,
            "beside": each.beside,
            "cause": each.cause.value,
            "margin": each.margin,
        }
        for name, each in found.differences
    ]


if __name__ == "__main__":
    main()
