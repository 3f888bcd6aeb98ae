"""How long a one-page document takes while one of 500 pages is read, beside its time alone.
`make bench-fairness`.

The mark: within twice its time alone, and one batch more. Alone and beside are measured in turns, so that
other work on the machine meets both alike; the long document is hung up on after each turn.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from bench.batch_log import batches, one_batch_milliseconds
from bench.long_documents import INVOICE, scanned_pdf
from bench.report import publish
from bench.served import Served
from bench.stub_container import STUB, container_of

PARTS = ("queued", "rendering", "reading")
LATEST_START_SECONDS = 120.0
_STUB_OPTIONS = {"batch_seconds": 0.1, "page_seconds": 0.01, "max_items": 8}


@dataclass
class Fairness:
    """Seconds of the one-page document, and the milliseconds of a batch while both were read. `timings`
    are the answers' own, in milliseconds, of those beside."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    batch_milliseconds: list[float] = field(default_factory=list)
    timings: list[dict[str, float]] = field(default_factory=list)

    @property
    def allowed_seconds(self) -> float:
        return 2 * statistics.median(self.alone) + statistics.median(self.batch_milliseconds) / 1000

    @property
    def is_fair(self) -> bool:
        return statistics.median(self.beside) <= self.allowed_seconds


@contextlib.contextmanager
def read_and_hung_up(container: Served, body: bytes) -> Iterator[None]:
    """While the block runs the container reads `body`, a PDF; afterwards its caller is gone. Raises
    RuntimeError when the document ended before the block did: it was too short to tell anything."""
    mark = container.log.stat().st_size
    connection = http.client.HTTPConnection("127.0.0.1", container.port)
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "text=ocr"}
    try:
        connection.request("POST", "/invocations", body, {"Content-Type": "application/pdf", **attributes})
        await_batches(container, mark)
        yield
        if has_answer(connection):
            raise RuntimeError("the long document ended too soon: give it more pages")
    finally:
        connection.close()


def has_answer(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    return True


def await_batches(container: Served, mark: int) -> None:
    """Until the engine is well under way with what was posted after byte `mark` of its log."""
    deadline = time.monotonic() + LATEST_START_SECONDS
    while len(batches(container.log, mark)) < 3:
        if time.monotonic() > deadline:
            raise RuntimeError("the long document was not begun")
        time.sleep(0.05)


def seconds_of(container: Served, page: bytes, timings: list[dict[str, float]] | None = None) -> float:
    """How long it took; `timings` takes what the answer says of it."""
    began = time.perf_counter()
    status, answer = container.post(page, "image/jpeg")
    seconds = time.perf_counter() - began
    if status != 200:
        raise RuntimeError(f"{status} {answer[:300]!r}")
    if timings is not None:
        timings.append(json.loads(answer)["timings_ms"])
    return seconds


def measure(container: Served, long: bytes, page: bytes, rounds: int, times: int) -> Fairness:
    """`times` of each kind in each of the rounds."""
    found = Fairness()
    seconds_of(container, page)
    for _ in range(rounds):
        found.alone += [seconds_of(container, page) for _ in range(times)]
        with read_and_hung_up(container, long):
            mark = container.log.stat().st_size
            found.beside += [seconds_of(container, page, found.timings) for _ in range(times)]
            found.batch_milliseconds.append(one_batch_milliseconds(batches(container.log, mark)))
        await_idle(container)
    return found


def await_idle(container: Served, seconds: float = 60.0) -> None:
    """Until the pages of the caller that hung up are off the device: no batch for half a second."""
    deadline = time.monotonic() + seconds
    size = -1
    while size != container.log.stat().st_size:
        if time.monotonic() > deadline:
            raise RuntimeError("the container goes on reading for a caller that hung up")
        size = container.log.stat().st_size
        time.sleep(0.5)


def row(system: str, found: Fairness) -> str:
    alone, beside = statistics.median(found.alone), statistics.median(found.beside)
    batch = statistics.median(found.batch_milliseconds)
    verdict = "yes" if found.is_fair else "NO"
    parts = (statistics.median(each[part] for each in found.timings) for part in PARTS)
    return (
        f"| {system} | {alone * 1000:.0f} | {beside * 1000:.0f} | {max(found.beside) * 1000:.0f} | "
        + ", ".join(f"{part:.0f}" for part in parts)
        + f" | {batch:.0f} | {found.allowed_seconds * 1000:.0f} | {verdict} |"
    )


def table(found: dict[str, Fairness]) -> str:
    head = (
        f"| system | alone, ms | beside, ms | slowest beside, ms | {', '.join(PARTS)} beside, ms "
        "| one batch, ms | allowed, ms | within |"
    )
    return "\n".join([head, "|---" * 8 + "|", *(row(system, each) for system, each in found.items())])


def run(pages: int, rounds: int, times: int, systems: Sequence[str]) -> dict[str, Fairness]:
    long, page = scanned_pdf(pages), INVOICE.read_bytes()
    found = {}
    for system in systems:
        with container_of(system, _STUB_OPTIONS) as container:
            found[system] = measure(container, long, page, rounds, times)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=500, help="of the long document (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=5, help="one-page documents of each kind a round")
    parser.add_argument("--systems", nargs="+", default=["default model", STUB])
    given = parser.parse_args()
    found = run(given.pages, given.rounds, given.times, given.systems)
    text = (
        f"{INVOICE.name} alone and while a scanned PDF of {given.pages} pages is read, in turns; medians of "
        f"{given.rounds} x {given.times}. Allowed is twice the time alone and one batch of the slowest lane; "
        f"the stub's batch costs 100 ms and 10 ms a page, at most eight pages.\n\n{table(found)}"
    )
    publish("fairness", "Fairness (`make bench-fairness`)", text, {k: asdict(v) for k, v in found.items()})


if __name__ == "__main__":
    main()
