"""Documents read through an engine of one's own, so many in flight at once: the container without HTTP.

A program of its own, spoken to through `line_process`: the engine's settings are this process's environment.
"""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.line_process import answer_lines
from quire.process.own_engine import OwnEngine, own_engine
from quire.rendering.sniffing import sniff_media_type
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest, ReadOptions, TextMode
from quire.words.settings import Settings

_DEADLINE_SECONDS = 3600.0


def request_of(path: Path) -> DocumentRequest:
    """What the front end makes of the file's bytes: they are read, hashed and sniffed."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DocumentRequest(
        path=path,
        media_type=sniff_media_type(path, None),
        num_bytes=path.stat().st_size,
        sha256=digest,
        options=ReadOptions(text=TextMode.OCR, strict=True),
        inference_id=path.name,
    )


def read(engine: OwnEngine, path: Path) -> DocumentReading:
    return engine.read(request_of(path), time.monotonic() + _DEADLINE_SECONDS, lambda progress: None)


def main() -> None:
    settings = Settings.from_environ(os.environ)
    with own_engine(settings) as engine:

        def answer(command: dict[str, Any]) -> dict[str, float]:
            began = time.perf_counter()
            with ThreadPoolExecutor(command["in_flight"]) as pool:
                for _ in pool.map(lambda path: read(engine, Path(path)), command["documents"]):
                    pass
            return {"seconds": time.perf_counter() - began}

        answer_lines(dict, answer)


if __name__ == "__main__":
    main()
