"""Pages a second on one long document beside short ones of the same pages, posted one after the other.
`make bench-page-rate`.

The mark: at least 95 per cent on 500 pages of what ten pages reach. Both kinds take turns, the order
changing from round to round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from bench.long_documents import scanned_pdf
from bench.report import publish
from bench.served import Served
from bench.stub_container import STUB, container_of

LEAST_SHARE = 0.95
SHORT_PAGES = 10
_STUB_OPTIONS = {"batch_seconds": 0.1, "page_seconds": 0.01, "max_items": 8}


@dataclass
class PageRates:
    """Pages a second, one figure for each round."""

    short: list[float] = field(default_factory=list)
    long: list[float] = field(default_factory=list)

    @property
    def shares(self) -> list[float]:
        return [long / short for long, short in zip(self.long, self.short, strict=True)]

    @property
    def share(self) -> float:
        return statistics.median(self.shares)


def pages_a_second(container: Served, documents: Sequence[bytes], num_pages: int) -> float:
    """The documents one after the other, `num_pages` in all. Raises RuntimeError where one is not read in
    full."""
    began = time.perf_counter()
    answers = [container.post(document, "application/pdf", "text=ocr") for document in documents]
    seconds = time.perf_counter() - began
    for status, answer in answers:
        if status != 200 or json.loads(answer)["status"] != "complete":
            raise RuntimeError(f"{status} {answer[:300]!r}")
    return num_pages / seconds


def measure(container: Served, num_pages: int, rounds: int) -> PageRates:
    """`num_pages` is a multiple of SHORT_PAGES."""
    long = [scanned_pdf(num_pages)]
    short = [scanned_pdf(SHORT_PAGES, first) for first in range(0, num_pages, SHORT_PAGES)]
    pages_a_second(container, short[:1], SHORT_PAGES)
    rates = PageRates()
    for number in range(rounds):
        turns = [(short, rates.short), (long, rates.long)]
        for documents, found in turns if number % 2 == 0 else turns[::-1]:
            found.append(pages_a_second(container, documents, num_pages))
        print(f"round {number + 1}: {rates.short[-1]:.2f} and {rates.long[-1]:.2f} pages/s", flush=True)
    return rates


def run(systems: Sequence[str], num_pages: int, rounds: int) -> dict[str, PageRates]:
    found = {}
    for system in systems:
        with container_of(system, _STUB_OPTIONS) as container:
            found[system] = measure(container, num_pages, rounds)
    return found


def table(found: dict[str, PageRates], num_pages: int) -> str:
    rows = [
        f"| system | {SHORT_PAGES} pages, pages/s | {num_pages} pages, pages/s | share (rounds) | reached |",
        "|---" * 5 + "|",
    ]
    for system, rates in found.items():
        shares = ", ".join(f"{share:.2f}" for share in rates.shares)
        rows.append(
            f"| {system} | {statistics.median(rates.short):.2f} | {statistics.median(rates.long):.2f} "
            f"| {rates.share:.2f} ({shares}) | {'yes' if rates.share >= LEAST_SHARE else 'NO'} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=500, help="of the long document (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", nargs="+", default=["default model", STUB])
    given = parser.parse_args()
    if given.pages < SHORT_PAGES or given.pages % SHORT_PAGES:
        parser.error(f"--pages is a multiple of {SHORT_PAGES}")
    found = run(given.systems, given.pages, given.rounds)
    text = (
        f"Scanned pages, one document at a time: one of {given.pages} pages, and as many pages in documents "
        f"of {SHORT_PAGES}; medians of {given.rounds} rounds in turns. The mark is {LEAST_SHARE:.0%}.\n\n"
        f"{table(found, given.pages)}"
    )
    title = "Pages a second on long and short documents (`make bench-page-rate`)"
    publish("page_rate", title, text, {name: asdict(rates) for name, rates in found.items()})


if __name__ == "__main__":
    main()
