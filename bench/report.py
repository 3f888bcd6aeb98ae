"""Where a benchmark's figures go: a table for people and JSON beside it, both naming the machine."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.served import ROOT
from quire.process.gpus import find_driver

RESULTS = ROOT / "bench" / "results"

_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")
"""Of the CPU, the best first: what decides how fast a network runs there."""


def machine() -> str:
    """The machine and the versions that a figure depends on most. Found without importing torch."""
    driver = find_driver()
    gpus = [f"{gpu.name} (driver {driver.version})" for gpu in driver.gpus] if driver else []
    cores = f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, {_instructions()}"
    return ", ".join([*gpus, cores, f"Python {platform.python_version()}", f"torch {version_of('torch')}"])


def version_of(distribution: str) -> str:
    """`none` where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


def _instructions() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return "unknown CPU"
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "").split()
    return next((name for name in _INSTRUCTIONS if name in flags), "no AVX")


def publish(name: str, title: str, text: str, figures: object, folder: Path = RESULTS) -> None:
    """Prints `text` and writes <name>.md and <name>.json into `folder`."""
    print(f"\n{machine()}\n\n{text}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(f"# {title}\n\n{machine()}.\n\n{text}\n")
    content = {"machine": machine(), "figures": figures}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
