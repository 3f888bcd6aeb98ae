"""A container over a Hugging Face folder, as the platform lays it out."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.served import Served, served


@contextlib.contextmanager
def served_folder(folder: Path, base: Path) -> Iterator[Served]:
    """Healthy, with `folder`, packed and unpacked, as its model, and in fp32."""
    pack(folder, base)
    with served(SAGEMAKER_BASE_DIR=str(base), QUIRE_PRECISION="fp32", QUIRE_DEVICE="cpu") as container:
        container.await_healthy()
        yield container


def pack(folder: Path, base: Path) -> None:
    """Lays out in `base` what the platform unpacks of what `quire pack` wrote."""
    archive = base / "model.tar.gz"
    subprocess.run(
        [sys.executable, "-m", "quire_endpoint.command", "pack", str(folder), "--out", str(archive)],
        check=True,
        capture_output=True,
    )
    with tarfile.open(archive) as packed:
        packed.extractall(base / "model", filter="data")


def answer(container: Served, body: bytes, media_type: str, attributes: str) -> dict[str, Any]:
    """What is the same each time that the document is read: all but how long it took."""
    status, content = container.post(body, media_type, attributes)
    assert status == 200, content
    found: dict[str, Any] = json.loads(content)
    del found["timings_ms"]
    return found
