"""A base directory whose model is the stub, for a container whose model's cost is known."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STUB = "stub"


@contextmanager
def stub_base(**options: float) -> Iterator[Path]:
    """To be given as SAGEMAKER_BASE_DIR. `options` are StubOptions."""
    with tempfile.TemporaryDirectory(prefix="quire-stub-") as folder:
        model = Path(folder) / "model"
        model.mkdir()
        (model / "quire.json").write_text(json.dumps({"task": "stub", "options": options}))
        yield Path(folder)
