"""How long /ping takes while a user's handler holds the GIL of every worker, and how many copies of its model
there are. `make bench-handlers`.

The marks are those of bench.ping: always 200, p99 under 50 ms, never over 2 s; and one copy of the model in
each worker. Where one is missed the figures are published all the same, and it ends with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.ping import Pings, figures, refuse_failures, table
from bench.report import publish
from bench.served import Served, served

SECONDS = 120.0
WORKERS = 2

HANDLER = '''
"""Holds the GIL for as long as a request says: asleep in C, or busy in C."""

import ctypes, json, os, re, time

def model_fn(model_dir):
    with open(os.path.join(model_dir, "loads"), "a") as loads:
        loads.write(f"{os.getpid()}\\n")

def input_fn(body, content_type):
    return json.loads(body)

def predict_fn(asked, model):
    hold, until = {"asleep": asleep, "busy": busy}[asked["how"]], time.monotonic() + asked["seconds"]
    while (left := until - time.monotonic()) > 0:
        hold(left)
    return {"pid": os.getpid()}

def asleep(seconds):
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))

def busy(seconds):
    re.match("(a+)+$", "a" * 22 + "b")
'''


@dataclass(frozen=True)
class Holding:
    """`loads` and `workers` are the pids that loaded the model, and those that held the GIL."""

    pings: Pings
    loads: tuple[int, ...]
    workers: frozenset[int]


def holding(container: Served, model: Path, how: str, seconds: float) -> Holding:
    """While as many calls as there are workers hold the GIL, `asleep` or `busy`."""
    body = json.dumps({"how": how, "seconds": seconds}).encode()
    with Pings(container) as pings, ThreadPoolExecutor(WORKERS) as pool:
        calls = [pool.submit(container.post, body, "application/json") for _ in range(WORKERS)]
        answers = [call.result() for call in calls]
    refuse_failures(answers)
    loads = tuple(int(line) for line in (model / "loads").read_text().split())
    return Holding(pings, loads, frozenset(json.loads(answer)["pid"] for _, answer in answers))


def run(seconds: float) -> dict[str, Holding]:
    with tempfile.TemporaryDirectory(prefix="quire-handler-") as base:
        model = Path(base) / "model"
        (model / "code").mkdir(parents=True)
        (model / "code" / "inference.py").write_text(HANDLER)
        settings = {"SAGEMAKER_BASE_DIR": base, "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS)}
        with served(**settings) as container:
            container.await_healthy()
            return {how: holding(container, model, how, seconds) for how in ("asleep", "busy")}


def copies(found: Holding) -> str:
    """One copy of the model a worker: as many loads as workers, each its own."""
    return f"{len(found.loads)} loads by {len(set(found.loads))} processes; {len(found.workers)} answered"


def is_met(found: Holding) -> bool:
    """Whether the marks are. That all workers answered is none of them: one may have taken every call."""
    loads = set(found.loads)
    is_one_each = len(found.loads) == len(loads) == WORKERS and found.workers <= loads
    return found.pings.is_prompt and is_one_each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    found = run(given.seconds)
    pings = {
        f"{WORKERS} handlers hold the GIL for {given.seconds:g} s, {how} in C": each.pings
        for how, each in found.items()
    }
    text = f"{table(pings)}\n\nCopies of the model: {copies(found['busy'])}, {WORKERS} workers asked for."
    shown: dict[str, object] = {name: figures(each) for name, each in pings.items()}
    publish("handlers", "/ping beside a handler that holds the GIL (`make bench-handlers`)", text, shown)
    if not all(is_met(each) for each in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
