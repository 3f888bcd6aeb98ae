"""Is every document answered once, right or with a typed error, whatever breaks? Ten thousand documents
through real processes that are killed at random, and a hundred thousand pages on eight simulated devices.

`python -m bench.faults`. The model is the stub: what is tried here is all that stands round a model. Exits
with 1 where anything was answered wrongly.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.report import publish
from quire.models.stub import StubOptions
from tests.engine.simulation import Shape, simulation
from tests.engine.simulation_traffic import steady_visits
from tests.fakes.fault_storm import FaultStorm, Storm, StormReport
from tests.fakes.running_engine import running_engine, stub_folder

NUM_DEVICES = 8
STUB = StubOptions(batch_seconds=0.1, page_seconds=0.001, max_items=16)
BATCH_SECONDS = STUB.batch_seconds + STUB.max_items * STUB.page_seconds
FULL_SPEED = NUM_DEVICES * STUB.max_items / BATCH_SECONDS
"""Pages a second of simulated time, were each batch full and none late."""

MARKERS_PER_THOUSAND = 4
"""Of pages: about one document in a hundred has each."""


class SimulatedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What eight simulated devices did. `probe_seconds` is how long a document of one page took that came
    in the middle."""

    documents: int
    pages: int
    simulated_seconds: float
    wall_seconds: float
    least_busy_share: float
    share_of_full_speed: float
    most_pages_of_a_device: int
    least_pages_of_a_device: int
    probe_seconds: float


def simulate(num_documents: int, mean_pages: int) -> SimulatedRun:
    """Every answer is judged as it comes; raises AssertionError at a wrong one."""
    shape = Shape(
        num_devices=NUM_DEVICES, num_renderers=16, stub=STUB, arena_bytes=1 << 24, turn_seconds=0.001
    )
    visits, probe = steady_visits(
        num_documents, mean_pages=mean_pages, pages_per_second=1.5 * FULL_SPEED, seed=1
    )
    num_pages = sum(len(visit.document.pages) for visit in visits)
    with tempfile.TemporaryDirectory() as scratch, simulation(Path(scratch), shape) as world:
        world.expect(visits)
        began = time.perf_counter()
        outcomes = world.finish()
        wall_seconds = time.perf_counter() - began
        if outcomes != Counter({"complete": num_documents, "page: read": num_pages}):
            raise RuntimeError(f"not all were read: {outcomes}")
        seconds = max(client.ended_at or 0.0 for client in world.clients) - visits[0].at
        small = next(client for client in world.clients if client.visit is probe)
        pages = [ledger.num_pages for ledger in world.ledgers]
        return SimulatedRun(
            documents=num_documents,
            pages=num_pages,
            simulated_seconds=round(seconds, 2),
            wall_seconds=round(wall_seconds, 1),
            least_busy_share=round(min(ledger.busy_seconds / seconds for ledger in world.ledgers), 4),
            share_of_full_speed=round(num_pages / seconds / FULL_SPEED, 4),
            most_pages_of_a_device=max(pages),
            least_pages_of_a_device=min(pages),
            probe_seconds=round(small.seconds, 3),
        )


def storm(num_documents: int, num_threads: int) -> StormReport:
    settings = {
        "QUIRE_DEVICE": "cpu",
        "QUIRE_DEVICE_WORKERS": "2",
        "QUIRE_RENDER_WORKERS": "2",
        "QUIRE_DEVICE_STALL_SECONDS": "1",
        "QUIRE_LOG_LEVEL": "warning",
    }
    with tempfile.TemporaryDirectory(prefix="quire-storm-") as folder:
        root = Path(folder)
        base = stub_folder(root / "ml", batch_seconds=0.01, max_items=8, memory_items=6, slow_seconds=0.2)
        with running_engine(root / "run", {"SAGEMAKER_BASE_DIR": str(base), **settings}) as engine:
            plan = Storm(
                num_documents=num_documents,
                num_threads=num_threads,
                markers_per_thousand=MARKERS_PER_THOUSAND,
            )
            return FaultStorm(engine, root / "documents", plan).run()


def table(title: str, counts: Mapping[str, int]) -> str:
    rows = [f"| {name} | {number} |" for name, number in sorted(counts.items())]
    return "\n".join([f"| {title} | number |", "|---|---|", *rows])


def describe(report: StormReport, run: SimulatedRun) -> str:
    num_documents = sum(report.documents.values())
    kills = " and ".join(f"{number} of {name}" for name, number in sorted(report.kills.items()))
    return "\n\n".join(
        [
            "## Real processes",
            f"{num_documents} documents of one to five pages. Of a thousand pages {MARKERS_PER_THOUSAND} "
            "each are poison, kill their worker, hang it, lose its device, or are slow; of a hundred callers "
            "three are in a hurry and three hang up. About one worker a second is killed besides: "
            f"{kills}. Two device workers, two render workers, {report.seconds:.0f} s.",
            table("documents", report.documents),
            table("pages of documents that were read", report.pages),
            f"Answered wrongly: {len(report.wrong)}. Good pages or documents that two of the kills have met, "
            f"each an error entry of its own: {len(report.unlucky)}.",
            "## Simulated time",
            f"{run.pages} pages of {run.documents} documents on {NUM_DEVICES} devices in "
            f"{run.simulated_seconds} s of simulated time ({run.wall_seconds} s on this machine). Each "
            f"device was busy at least {run.least_busy_share:.1%} of it and read "
            f"{run.least_pages_of_a_device} to {run.most_pages_of_a_device} pages: "
            f"{run.share_of_full_speed:.1%} of what full batches without a pause would read. A document of "
            f"one page that came in the middle took {run.probe_seconds} s; a full batch takes "
            f"{BATCH_SECONDS:.3f} s.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000, help="through real processes")
    parser.add_argument("--threads", type=int, default=24, help="callers at a time")
    parser.add_argument("--mean-pages", type=int, default=100, help="of a thousand simulated documents")
    given = parser.parse_args()
    run = simulate(1000, given.mean_pages)
    report = storm(given.documents, given.threads)
    figures = {
        "documents": dict(report.documents),
        "pages": dict(report.pages),
        "kills": dict(report.kills),
        "unlucky": report.unlucky,
        "wrong": report.wrong,
        "seconds": round(report.seconds, 1),
        "simulated": msgspec.to_builtins(run),
    }
    publish("faults", "Faults at random times (`python -m bench.faults`)", describe(report, run), figures)
    if report.wrong or sum(report.documents.values()) != given.documents:
        print("\n".join(report.wrong))
        sys.exit(1)


if __name__ == "__main__":
    main()
