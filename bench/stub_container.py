"""A container whose model is the stub, so that its cost is known, beside one with the default model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.served import Served, served

STUB = "stub"


@contextmanager
def stub_base(**options: float) -> Iterator[Path]:
    """To be given as SAGEMAKER_BASE_DIR. `options` are StubOptions."""
    with tempfile.TemporaryDirectory(prefix="quire-stub-") as folder:
        model = Path(folder) / "model"
        model.mkdir()
        (model / "quire.json").write_text(json.dumps({"task": "stub", "options": options}))
        yield Path(folder)


@contextmanager
def container_of(system: str, stub_options: Mapping[str, float]) -> Iterator[Served]:
    """Healthy; over the stub where that is the system, else over the default model."""
    with ExitStack() as stack:
        settings = {}
        if system == STUB:
            settings["SAGEMAKER_BASE_DIR"] = str(stack.enter_context(stub_base(**stub_options)))
        container = stack.enter_context(served(**settings))
        container.await_healthy()
        yield container
