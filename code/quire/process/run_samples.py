"""`make run`: start the container, read the sample documents through it as a client would, stop it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from quire.process.character_errors import character_error_rate

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "tests" / "data"
NAMES = ("invoice.jpg", "report.png", "letters.tiff", "statement.pdf", "contract.pdf")

_HOST = "127.0.0.1"
_IN_FLIGHT = 4
_READY_SECONDS = 300.0
_ANSWER_SECONDS = 900.0
_STOP_SECONDS = 30.0
_MAX_ERROR_RATE = 0.02
_LINES_SHOWN = 16

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


@contextmanager
def container(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`./serve` on the loopback address, its log in a file; killed if it is still there in the end."""
    environ = {**os.environ, "SAGEMAKER_BIND_TO_PORT": str(port), "QUIRE_BIND_HOST": _HOST}
    with log.open("wb") as file:
        serve = subprocess.Popen([sys.executable, str(ROOT / "serve")], stdout=file, stderr=file, env=environ)
    try:
        yield serve
    finally:
        if serve.poll() is None:
            serve.kill()
            serve.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def wait_until_ready(serve: subprocess.Popen[bytes], port: int, log: Path) -> float:
    """Seconds until /ping answered 200."""
    start = time.monotonic()
    with notes.status("waiting for /ping: the model is being loaded"):
        while not is_ready(port):
            if serve.poll() is not None:
                raise RunFailed(f"serve ended with status {serve.returncode} before it was ready; see {log}")
            if time.monotonic() - start > _READY_SECONDS:
                raise RunFailed(f"/ping was not 200 within {_READY_SECONDS:.0f} s; see {log}")
            time.sleep(0.1)
    return time.monotonic() - start


def is_ready(port: int) -> bool:
    with closing(HTTPConnection(_HOST, port, timeout=5)) as connection:
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def post(port: int, name: str, out: Path) -> Sample:
    """Posts one sample and waits for its answer. Raises RunFailed for any other status than 200."""
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
    headers["X-Amzn-SageMaker-Custom-Attributes"] = f"ref={name}"
    start = time.monotonic()
    with closing(HTTPConnection(_HOST, port, timeout=_ANSWER_SECONDS)) as connection:
        connection.request("POST", "/invocations", (SAMPLES / name).read_bytes(), headers)
        response = connection.getresponse()
        body = response.read()
    if response.status != 200:
        raise RunFailed(f"{name} was answered {response.status}: {body[:500]!r}")
    (out / f"{name}.json").write_bytes(body)
    truth = (SAMPLES / name).with_suffix(".txt").read_text(encoding="utf-8")
    return Sample(name, json.loads(body), truth, time.monotonic() - start)


def read_samples(port: int, out: Path) -> list[Sample]:
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        posts = pool.map(lambda name: post(port, name, out), NAMES)
        return list(track(posts, f"reading {len(NAMES)} documents", len(NAMES), console=notes))


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


def stop(serve: subprocess.Popen[bytes]) -> None:
    """As the platform does: SIGTERM. Raises RunFailed unless it exits with status 0."""
    start = time.monotonic()
    serve.send_signal(signal.SIGTERM)
    try:
        status = serve.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RunFailed(f"the container did not stop within {_STOP_SECONDS:.0f} s of SIGTERM") from error
    screen.print(
        f"the container stopped {time.monotonic() - start:.1f} s after SIGTERM, exit status {status}"
    )
    if status != 0:
        raise RunFailed(f"the container's exit status is {status}, not 0")


def run(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), out / "serve.log"
    with container(port, log) as serve:
        screen.print(f"/ping answered 200 after {wait_until_ready(serve, port, log):.1f} s")
        samples = read_samples(port, out)
        for sample in samples:
            show(sample)
        screen.rule()
        stop(serve)
    worst = max(samples, key=lambda sample: sample.error_rate)
    if worst.error_rate >= _MAX_ERROR_RATE:
        raise RunFailed(f"{worst.name} has a character error rate of {worst.error_rate:.2%}")
    screen.print(f"{len(samples)} results are in {out}; the worst error rate is {worst.error_rate:.2%}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Reads the sample documents through the container.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where results go (%(default)s)")
    try:
        run(parser.parse_args(argv).out)
    except (RunFailed, OSError, HTTPException) as error:
        notes.print(f"make run: {error}", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
