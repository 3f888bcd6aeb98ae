"""A container over a Hugging Face folder, as the platform lays it out."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.served import Served, served


@contextlib.contextmanager
def served_folder(folder: Path, base: Path) -> Iterator[Served]:
    """Healthy, with a copy of `folder` as its model, and in fp32."""
    shutil.copytree(folder, base / "model")
    with served(SAGEMAKER_BASE_DIR=str(base), QUIRE_PRECISION="fp32", QUIRE_DEVICE="cpu") as container:
        container.await_healthy()
        yield container


def answer(container: Served, body: bytes, media_type: str, attributes: str) -> dict[str, Any]:
    """What is the same each time that the document is read: all but how long it took."""
    status, content = container.post(body, media_type, attributes)
    assert status == 200, content
    found: dict[str, Any] = json.loads(content)
    del found["timings_ms"]
    return found
