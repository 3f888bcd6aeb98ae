"""`quire bench`: one table of all that reads the same documents on this machine, on the CPU or on CUDA.

Rows run in turns, round after round; figures are medians of rounds. bench/README.md says what each row is.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.ceiling import sweep_table
from bench.documents import NoDocuments, documents_of
from bench.peers.rows import RAPIDOCR
from bench.report import RESULTS, publish
from bench.rounds import Row, chosen, measure
from bench.rows import rows
from bench.session import Plan, Session
from bench.stub_rows import FLASK, IDEAL_PAGES_PER_SECOND, IN_FLIGHT, StubRows, stub_session, stub_table
from bench.tables import Comparison, batch_table, figures, notes, speed_table

_QUICK_DOCUMENTS = 4


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quire bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="how often each row runs (3; with --quick 1)")
    parser.add_argument("--documents", choices=("receipts", "forms", "both", "samples"), default="both")
    parser.add_argument("--only", nargs="+", default=[], metavar="ROW", help="keys, or their beginnings")
    parser.add_argument("--quick", action="store_true", help="few documents, one round: does it run at all?")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16", "fp16"), default="auto")
    parser.add_argument("--stub", action="store_true", help="the table of batching itself, without torch")
    parser.add_argument("--list", action="store_true", help="print the rows' keys and end")
    parser.add_argument(
        "--out", type=Path, help="folder for table and JSON (bench/results; nowhere with --quick or --only)"
    )
    return parser.parse_args(argv)


def _publish(
    given: argparse.Namespace, name: str, title: str, parts: Sequence[str], found: dict[str, Any]
) -> None:
    text = "\n\n".join(filter(None, parts))
    folder = given.out or (None if given.quick or given.only else RESULTS)
    if folder is None:
        print(f"\n{title}\n\n{text}")
    else:
        publish(name, title, text, found, folder)


def _run_models(given: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> None:
    documents = documents_of(given.documents)
    documents = documents[:_QUICK_DOCUMENTS] if given.quick else documents
    session = Session(Plan(documents, given.precision, given.quick), folder, stack)
    wanted = chosen(rows(session), given.only)
    if given.list:
        print(_keys(wanted))
        return
    device, precision = session.device_and_precision
    measured = measure(wanted, _num_rounds(given))
    comparison = Comparison(measured, session.limits({row.documents for row in wanted}), RAPIDOCR)
    parts = [
        f"{len(documents)} documents ({given.documents}), {device}, {precision}; medians of "
        f"{_num_rounds(given)} rounds.",
        speed_table(comparison),
        batch_table(comparison),
        sweep_table(session.sweep_points),
        notes(comparison),
    ]
    found = {"rows": figures(comparison), "sweep": [asdict(point) for point in session.sweep_points]}
    choices = [word for word in (given.precision, given.documents) if word not in ("auto", "both")]
    title = f"`quire bench` on {device} in {precision}"
    _publish(given, "-".join(["bench", device, *choices]), title, parts, found)


def _run_stub(given: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> None:
    session = stub_session(folder, stack, given.quick)
    wanted = chosen(StubRows(session).rows(), given.only)
    if given.list:
        print(_keys(wanted))
        return
    comparison = Comparison(measure(wanted, _num_rounds(given)), {}, FLASK)
    parts = [
        f"The stub: 100 ms a batch and 1 ms a page, at most {IN_FLIGHT}; {IN_FLIGHT} one-page documents in "
        f"flight; ideal {IDEAL_PAGES_PER_SECOND:.1f} pages/s; medians of {_num_rounds(given)} rounds.",
        stub_table(comparison),
        notes(comparison),
    ]
    found = {"ideal_pages_per_second": IDEAL_PAGES_PER_SECOND, "rows": figures(comparison)}
    _publish(given, "bench-stub", "Batching itself (`quire bench --stub`)", parts, found)


def _num_rounds(given: argparse.Namespace) -> int:
    return given.rounds or (1 if given.quick else 3)


def _keys(wanted: Sequence[Row]) -> str:
    return "\n".join(f"{row.key:20} {row.name}" for row in wanted)


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        with tempfile.TemporaryDirectory(prefix="quire-bench-") as name, contextlib.ExitStack() as stack:
            run = _run_stub if given.stub else _run_models
            run(given, Path(name), stack)
    except (NoDocuments, ValueError) as error:
        print(f"quire bench: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
