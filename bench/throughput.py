"""Pages a second on the receipts: Quire through /invocations with four in flight, against RapidOCR's own
loop, on the same cores, interleaved. `make bench-throughput`.

RapidOCR runs the same PP-OCRv6 small weights on ONNX Runtime with its own defaults, one image after the
other, as its documentation shows; its time holds no HTTP. Machines are shared, so the ratio within one
run is the figure, not the pages a second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.report import publish
from bench.served import ROOT, Served, served

DOCUMENTS = Path(os.environ.get("QUIRE_DOCUMENTS", ROOT.parent / "shared" / "documents"))
IN_FLIGHT = 4


@dataclass
class Contender:
    """One system, and the seconds that each of its rounds took."""

    name: str
    run: Callable[[list[Path]], None]
    seconds: list[float] = field(default_factory=list)

    def round(self, files: list[Path]) -> None:
        began = time.perf_counter()
        self.run(files)
        self.seconds.append(time.perf_counter() - began)


def quire_run(container: Served) -> Callable[[list[Path]], None]:
    def post(path: Path) -> None:
        status, body = container.post(path.read_bytes(), "image/jpeg")
        if status != 200:
            raise RuntimeError(f"{path.name}: {status} {body[:300]!r}")

    def run(files: list[Path]) -> None:
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(post, files))

    return run


_RAPIDOCR_LOOP = """
import sys, logging
from rapidocr import RapidOCR
logging.disable(logging.CRITICAL)
engine = RapidOCR()
print("ready", flush=True)
for line in sys.stdin:
    for path in line.rstrip("\\n").split("\\t"):
        engine(path)
    print("done", flush=True)
"""


class RapidOCRLoop:
    """RapidOCR in a process of its own, so that nothing here shares its interpreter."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RAPIDOCR_LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._await("ready")

    def run(self, files: list[Path]) -> None:
        if self._process.stdin is None:
            raise RuntimeError("the loop has no input: this is a bug")
        self._process.stdin.write("\t".join(map(str, files)) + "\n")
        self._process.stdin.flush()
        self._await("done")

    def _await(self, word: str) -> None:
        if self._process.stdout is None:
            raise RuntimeError("the loop has no output: this is a bug")
        for line in self._process.stdout:
            if line.strip() == word:
                return
        raise RuntimeError("RapidOCR's process ended")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def table(contenders: list[Contender], num_pages: int) -> str:
    rows = ["| system | pages/s (median) | ratio to RapidOCR (median of rounds) |", "|---|---|---|"]
    for contender in contenders:
        ratios = [a / b for a, b in zip(contenders[0].seconds, contender.seconds, strict=True)]
        speed = num_pages / statistics.median(contender.seconds)
        rows.append(f"| {contender.name} | {speed:.2f} | {statistics.median(ratios):.2f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    given = parser.parse_args()
    files = sorted((DOCUMENTS / "receipts").glob("*.jpg"))
    with contextlib.ExitStack() as stack:
        rapidocr = RapidOCRLoop()
        stack.callback(rapidocr.close)
        contenders = [Contender("RapidOCR 3.10.0, its own loop", rapidocr.run)]
        for precision in given.precisions:
            container = stack.enter_context(served(QUIRE_PRECISION=precision))
            container.await_healthy()
            contenders.append(Contender(f"Quire, {precision}, 4 in flight", quire_run(container)))
        for contender in contenders:
            contender.run(files[:4])
        for number in range(given.rounds):
            for contender in contenders:
                contender.round(files)
                print(
                    f"round {number + 1}: {contender.name}: {len(files) / contender.seconds[-1]:.2f} pages/s"
                )
    text = f"{len(files)} receipts a round, {given.rounds} rounds.\n\n{table(contenders, len(files))}"
    figures = {contender.name: contender.seconds for contender in contenders}
    publish("throughput", "Throughput on receipts (`make bench-throughput`)", text, figures)


if __name__ == "__main__":
    main()
