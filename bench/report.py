"""Where a benchmark's figures go: a table for people and JSON beside it, both naming the machine."""

from __future__ import annotations

import json
import os
import platform

import torch

from bench.served import ROOT

RESULTS = ROOT / "bench" / "results"


def machine() -> str:
    """The machine and the versions that a figure depends on most."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def publish(name: str, title: str, text: str, figures: object) -> None:
    """Prints `text` and writes bench/results/<name>.md and .json."""
    print(f"\n{machine()}\n\n{text}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(f"# {title}\n\n{machine()}.\n\n{text}\n")
    content = {"machine": machine(), "figures": figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
