"""Does a batch worth three times the TTL survive the death of its client: nothing expired, nothing twice?

The endpoint is simulated, and so are its hours; the client, boto3 and the ledger are real, and so is
SIGKILL. Each kill meets calls between their acceptance and the answer, and others that never left.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.container_processes import peak_resident_bytes
from quire_endpoint.client import AsyncEndpointClient, Document, Request
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.outcomes import as_json
from quire_endpoint.s3_location import S3Location
from tests.fakes.simulated_endpoint import SimulatedClock, SimulatedEndpoint, attributes

TTL_SECONDS = 21600
TTLS = 3
LANES = 4
KILLED_AT = (0.2, 0.5, 0.8)
"""Shares of the documents that are submitted by then."""

PEAK_FILE = "peak_bytes"
"""What the client that came to the end needed, by its own word."""


@dataclass(frozen=True)
class Report:
    """What was seen. `num_unanswered` counts calls that were cut off by a kill before their answer was kept;
    `hours` are the endpoint's."""

    num_documents: int
    num_killed: int
    num_unanswered: int
    num_submitted: int
    num_submitted_twice: int
    num_expired: int
    outcomes: dict[str, int]
    peak_mb: float
    hours: float
    wall_seconds: float

    def lines(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in vars(self).items())


def batch(folder: Path, num_documents: int) -> None:
    """The client's process: the same each time it is started."""
    clock, endpoint = _simulated(folder, num_documents)
    settings = {"session": endpoint.session(), "clock": clock, "ledger": folder / "ledger.sqlite"}
    with AsyncEndpointClient("simulated", **settings) as client:
        for _ in client.submit_many(_documents(num_documents), Request(ttl_seconds=TTL_SECONDS)):
            pass
    (folder / PEAK_FILE).write_text(f"{peak_resident_bytes(os.getpid())}")


def _simulated(folder: Path, num_documents: int) -> tuple[SimulatedClock, SimulatedEndpoint]:
    clock = SimulatedClock(folder / "now")
    service_seconds = TTLS * TTL_SECONDS * LANES / num_documents
    hangs_at = [_num_accepted(share, num_documents) for share in KILLED_AT]
    record = folder / "accepted"
    return clock, SimulatedEndpoint(clock, LANES, service_seconds, record, hangs_at=hangs_at)


def _num_accepted(share: float, num_documents: int) -> int:
    return int(share * num_documents)


def _documents(count: int) -> Iterator[Document]:
    return (Document(S3Location("documents", f"{number}.pdf"), f"{number}") for number in range(count))


def run(folder: Path, num_documents: int) -> Report:
    """Starts the client, kills it three times and lets it end at last."""
    began, began_simulated = time.monotonic(), SimulatedClock(folder / "now").now()
    peaks, num_unanswered = [], 0
    for share in (*KILLED_AT, None):
        client = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bench.client_batch",
                "--child",
                str(folder),
                "--documents",
                f"{num_documents}",
            ]
        )
        if share is not None:
            peaks.append(_kill(client, folder / "accepted", _num_accepted(share, num_documents)))
        if client.wait() != (0 if share is None else -signal.SIGKILL):
            raise AssertionError(f"the client ended with status {client.returncode}")
        num_unanswered += _num_unanswered(folder / "ledger.sqlite")
    peaks.append(int((folder / PEAK_FILE).read_text()))
    return _report(folder, num_documents, num_unanswered, max(peaks) / 1e6, began, began_simulated)


def _kill(client: subprocess.Popen[bytes], accepted: Path, num_accepted: int) -> int:
    """Returns the bytes that it had needed until then. What wait4 tells would not be less than this process's
    own."""
    while client.poll() is None:
        if accepted.exists() and accepted.read_bytes().count(b"\n") >= num_accepted:
            peak_bytes = peak_resident_bytes(client.pid)
            client.send_signal(signal.SIGKILL)
            return peak_bytes
        time.sleep(0.02)
    raise AssertionError(f"the client ended with status {client.returncode} before it could be killed")


def _num_unanswered(path: Path) -> int:
    ledger = Ledger(path)
    attempts = [ledger.job(number).attempt for number in ledger.unfinished(is_called=True)]
    ledger.close()
    return sum(attempt is not None and not attempt.is_answered for attempt in attempts)


def _report(
    folder: Path,
    num_documents: int,
    num_unanswered: int,
    peak_mb: float,
    began: float,
    began_simulated: float,
) -> Report:
    clock, endpoint = _simulated(folder, num_documents)
    submitted = Counter(attributes(call)["ref"] for call in endpoint.calls)
    ledger = Ledger(folder / "ledger.sqlite")
    kinds = Counter(json.loads(as_json(outcome))["kind"] for outcome in ledger.outcomes())
    ledger.close()
    return Report(
        num_documents,
        len(KILLED_AT),
        num_unanswered,
        len(submitted),
        sum(count > 1 for count in submitted.values()),
        endpoint.num_expired,
        dict(kinds),
        round(peak_mb),
        round((clock.now() - began_simulated) / 3600, 2),
        round(time.monotonic() - began, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        batch(arguments.child, arguments.documents)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(run(Path(folder), arguments.documents).lines())


if __name__ == "__main__":
    main()
