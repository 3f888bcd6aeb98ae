"""A user's page model in a real engine: device worker, faults and text layers."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from quire.process.engine_program import EXIT_FATAL
from quire.words.errors import PageFailedOnDevice
from tests.fakes.page_models import GRID, page_model_folder
from tests.fakes.running_engine import PATIENCE_SECONDS, RunningEngine, running_engine, start_engine
from tests.fakes.wheels import wheel

FAULTS = GRID + textwrap.dedent(
    """
    import time
    class Faulty(Grid):
        max_items = 8
        def device(self, batch):
            time.sleep(0.02)
            for red in (batch[:, 0, 0, 0] * 255).round().int().tolist():
                if red == 1:
                    raise ValueError("a poison page")
                if red == 2:
                    raise RuntimeError("CUDA error: an illegal memory access was encountered")
                if red == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
                if red == 4:
                    time.sleep(3600)
            return super().device(batch)
    """
)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningEngine]]:
    with ExitStack() as stack:

        def start(source: str = GRID, entry: str = "grid:Grid", **settings: str) -> RunningEngine:
            base = page_model_folder(tmp_path / "ml", source, entry=entry)
            environ = {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_WORKERS": "1"}
            return stack.enter_context(running_engine(tmp_path / "run", {**environ, **settings}))

        yield start


def draw(path: Path, *reds: int) -> Path:
    pages = []
    for red in reds:
        pixels = np.full((64, 48, 3), 100, np.uint8)
        pixels[..., 0] = red
        pages.append(Image.fromarray(pixels))
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def log_lines(engine: RunningEngine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (engine.scratch / "log.jsonl").read_text().splitlines()]


def test_pages_of_all_documents_share_its_batches(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start(FAULTS, "grid:Faulty")
    paths = [draw(tmp_path / f"{number}.tif", *[10 + number] * 3) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        readings = list(pool.map(engine.read, paths))
    for number, reading in enumerate(readings):
        assert [page.page for page in reading.pages] == [1, 2, 3]
        for page in reading.pages:
            assert page.fields is not None
            assert page.fields["cells"][0][0] == pytest.approx((10 + number + 200) / 3 / 255, rel=1e-4)
    batches = [line for line in log_lines(engine) if line["event"] == "batch"]
    assert max(len(line["references"]) for line in batches) > 1, "no batch held pages of two documents"


@pytest.mark.parametrize("red", [1, 2, 3])
def test_a_page_that_breaks_it_costs_that_page(
    start: Callable[..., RunningEngine], tmp_path: Path, red: int
) -> None:
    engine = start(FAULTS, "grid:Faulty")
    reading = engine.read(draw(tmp_path / "pages.tif", 50, red, 60, 70))
    assert [page.error.code if page.error else None for page in reading.pages] == [
        None,
        PageFailedOnDevice.code,
        None,
        None,
    ]


def test_a_page_on_which_it_hangs_costs_that_page(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start(FAULTS, "grid:Faulty", QUIRE_DEVICE_STALL_SECONDS="1")
    reading = engine.read(draw(tmp_path / "pages.tif", 50, 4))
    assert [page.error is None for page in reading.pages] == [True, False]


def test_a_pdf_with_a_text_layer_goes_to_the_model(
    start: Callable[..., RunningEngine], repository: Path
) -> None:
    engine = start()
    statement = repository / "tests" / "data" / "statement.pdf"
    answers = engine.read(statement).pages
    assert [page.text_source.value for page in answers] == ["none"] * len(answers)
    assert all(page.fields and len(page.fields["cells"]) == 2 for page in answers)


def test_its_requirements_are_there_before_it_is_imported(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    code = tmp_path / "ml" / "model" / "code"
    wheel(code / "wheels", "of_colours")
    (code / "requirements.txt").write_text("--no-index\n--find-links wheels\nof_colours\n")
    engine = start(GRID.replace("import torch\n", "import torch, of_colours\n", 1))
    (page,) = engine.read(draw(tmp_path / "page.tif", 100)).pages
    assert page.fields is not None


def test_requirements_that_cannot_be_had_end_the_engine_with_one_line(tmp_path: Path) -> None:
    base = page_model_folder(tmp_path / "ml")
    (base / "model" / "code" / "requirements.txt").write_text("--no-index\nof_colours\n")
    engine = start_engine(tmp_path / "run", {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_DEVICE": "cpu"})
    assert engine.process.wait(PATIENCE_SECONDS) == EXIT_FATAL
    (line,) = [line for line in log_lines(engine) if line["event"] == "the engine cannot serve"]
    assert "of_colours" in line["reason"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_of_this_name", "importing grid failed at grid.py:1: ModuleNotFoundError"),
        (GRID.replace("def post", "def most"), "Grid has no method post"),
        (GRID.replace("self.model_dir, self", "1 / 0; self.model_dir, self"), "Grid.load failed at grid.py:"),
    ],
)
def test_a_class_that_cannot_be_served_ends_the_engine_with_one_line(
    tmp_path: Path, source: str, says: str
) -> None:
    base = page_model_folder(tmp_path / "ml", source)
    engine = start_engine(
        tmp_path / "run",
        {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_WORKERS": "1"},
    )
    assert engine.process.wait(PATIENCE_SECONDS) == EXIT_FATAL
    (line,) = [line for line in log_lines(engine) if line["event"] == "the model cannot be loaded"]
    assert says in line["reason"]
    assert "\n" not in line["reason"]
