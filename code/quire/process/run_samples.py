"""`make run`: a local endpoint up, the sample documents to S3, InvokeEndpointAsync, the results back."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import textwrap
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import track

from quire.process.character_errors import character_error_rate
from quire.process.interrupts import at_interrupt
from quire.process.sample_endpoint import ROOT, EndpointFailed, GivenUp, SampleEndpoint, sample_endpoint

SAMPLES = ROOT / "tests" / "data"
NAMES = ("invoice.jpg", "report.png", "letters.tiff", "statement.pdf", "contract.pdf")

_HOST = "127.0.0.1"
_IN_FLIGHT = 4
_MAX_ERROR_RATE = 0.02
_LINES_SHOWN = 16
_INTERRUPTED_STATUS = 130

screen = Console(highlight=False)
notes = Console(stderr=True)


class RunFailed(Exception):
    """The run did not show what it should; the message says what."""


@dataclass(frozen=True)
class Sample:
    """A sample document's answer beside its true text."""

    name: str
    answer: dict[str, Any]
    truth: str
    seconds: float

    @property
    def text(self) -> str:
        return "\f".join(page["text"] for page in self.answer["pages"])

    @property
    def error_rate(self) -> float:
        return character_error_rate(self.text, self.truth)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def read_sample(endpoint: SampleEndpoint, name: str, out: Path) -> Sample:
    """Raises EndpointFailed where it is not answered."""
    start = time.monotonic()
    body = endpoint.read(SAMPLES / name)
    (out / f"{name}.json").write_bytes(body)
    truth = (SAMPLES / name).with_suffix(".txt").read_text(encoding="utf-8")
    return Sample(name, json.loads(body), truth, time.monotonic() - start)


def read_samples(endpoint: SampleEndpoint, out: Path) -> list[Sample]:
    """Raises the first failure, and gives up the others."""
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        reading = [pool.submit(read_sample, endpoint, name, out) for name in NAMES]
        try:
            for read in track(
                as_completed(reading), f"reading {len(NAMES)} documents", len(NAMES), console=notes
            ):
                read.result()
        except BaseException:
            endpoint.give_up()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [read.result() for read in reading]


def show(sample: Sample) -> None:
    """Prints the text, whole for the invoice and cut for the others."""
    num_pages, status = len(sample.answer["pages"]), sample.answer["status"]
    screen.rule(f"{sample.name}: {num_pages} page{'s'[: num_pages - 1]}, {status}, {sample.seconds:.1f} s")
    lines = sample.text.replace("\f", "\n").splitlines()
    shown = lines if sample.name == NAMES[0] else lines[:_LINES_SHOWN]
    screen.print(textwrap.indent("\n".join(shown), "  "), markup=False)
    if len(shown) < len(lines):
        screen.print(f"  … {len(lines) - len(shown)} more lines", markup=False)
    screen.print(f"character error rate {sample.error_rate:.2%}")


def run(out: Path, model: Path | None = None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with sample_endpoint(out / "local", _IN_FLIGHT, model) as endpoint:
        screen.print(
            f"the endpoint is in service after {time.monotonic() - start:.1f} s; while it runs, look at "
            f"{endpoint.page}",
            soft_wrap=True,
        )
        with at_interrupt(endpoint.give_up):
            samples = read_samples(endpoint, out)
        for sample in samples:
            show(sample)
        screen.rule()
        screen.print(f"all stopped {endpoint.stop():.1f} s after SIGTERM, exit status 0")
    worst = max(samples, key=lambda sample: sample.error_rate)
    if worst.error_rate >= _MAX_ERROR_RATE:
        raise RunFailed(f"{worst.name} has a character error rate of {worst.error_rate:.2%}")
    screen.print(f"{len(samples)} results are in {out}; the worst error rate is {worst.error_rate:.2%}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Reads the sample documents through a local endpoint.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where results go (%(default)s)")
    parser.add_argument("--model", type=Path, help="model data, a directory or .tar.gz; default: built in")
    given = parser.parse_args(argv)
    try:
        run(given.out, given.model)
    except (KeyboardInterrupt, GivenUp):
        return _INTERRUPTED_STATUS
    except (RunFailed, EndpointFailed, BotoCoreError, ClientError, OSError) as error:
        notes.print(f"make run: {error}", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
