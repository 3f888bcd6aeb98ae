"""What a peer's worker does: our model in its own process, whole documents in, their text out as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.documents import pages_of
from bench.in_process import read_pages
from quire.engine.port import Pixels
from quire.models.device_program import load
from quire.rendering.sniffing import sniff_media_type
from quire.words.settings import Settings


class WholeDocuments:
    """The default model, or the stub where the model folder asks for it; settings as the container's."""

    def __init__(self) -> None:
        self._settings = Settings.from_environ(os.environ)
        self._model = load(self._settings).model

    def read(self, bodies: Sequence[bytes]) -> list[bytes]:
        """All pages of all these documents in common batches; one JSON text for each document."""
        began = time.perf_counter()
        pages = [self._pages(body) for body in bodies]
        texts = iter(read_pages(self._model, [pixels for each in pages for pixels in each]))
        read = [[next(texts) for _ in each] for each in pages]
        _log_batch(len(bodies), sum(map(len, pages)), time.perf_counter() - began)
        return [msgspec.json.encode({"pages": each}) for each in read]

    def _pages(self, body: bytes) -> list[Pixels]:
        """From memory: what opens documents wants a path, and this one costs no disk."""
        with os.fdopen(os.memfd_create("document"), "wb") as file:
            file.write(body)
            file.flush()
            path = Path(f"/proc/self/fd/{file.fileno()}")
            return list(pages_of(path, sniff_media_type(path, None), self._settings))


def _log_batch(num_documents: int, num_pages: int, seconds: float) -> None:
    """As the engine logs its batches, so that both are counted by one rule."""
    line = {
        "event": "batch",
        "lane": "documents",
        "canvas": "",
        "items": num_pages,
        "milliseconds": round(seconds * 1000, 1),
        "inference_ids": [None] * num_documents,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
