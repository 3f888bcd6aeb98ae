"""A user's page model, imported and loaded as the device worker does it, and behind the port."""

from __future__ import annotations

import json
import logging
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from quire.engine.batch_pipeline import InlinePipeline
from quire.engine.device_worker import LoadedModel
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import FromDevice, LimitBatch, PageFaulted, PageRead
from quire.engine.port import DeviceLost
from quire.models.device_program import CannotLoad, load
from quire.words.reading import ModelInfo
from quire.words.settings import Settings
from tests.fakes.aboard import page_aboard
from tests.fakes.page_models import GRID, page_model_folder

FAULTS = GRID + textwrap.dedent(
    """
    class Faulty(Grid):
        "Each colour of a page's first pixel is a fault on the device."
        def __init__(self, memory_pages=100, **options):
            super().__init__(**options)
            self.memory_pages = memory_pages

        def device(self, batch):
            if len(batch) > self.memory_pages:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            for red in (batch[:, 0, 0, 0] * 255).round().int().tolist():
                if red == 1:
                    raise ValueError("a poison page")
                if red == 2:
                    raise RuntimeError("CUDA error: an illegal memory access was encountered")
                if red == 3:
                    raise RuntimeError("CUDA error: out of memory")
            return super().device(batch)
    """
)


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """What a test imports and puts on sys.path is gone after it."""
    path, modules, cap = list(sys.path), set(sys.modules), logging.getLogger("quire.device").level
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent.name == "code":
            del sys.modules[name]
    logging.getLogger("quire.device").setLevel(cap)


def loaded(base: Path, **environ: str) -> LoadedModel:
    given = {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_DEVICE": "cpu", **environ}
    return load(Settings.from_environ(given))


class Desk:
    """A scheduler over the model, and what it says. Pages come first, then batches are made of them."""

    def __init__(self, model: LoadedModel) -> None:
        self.said: list[FromDevice] = []
        self.pipeline = InlinePipeline(model.model.lanes)
        self.lanes = LaneScheduler(model.model, self.said.append, self.pipeline)

    def read(self, *pages: Any) -> None:
        for number, page in enumerate(pages):
            self.lanes.add(page_aboard(number, page), page, 0.0)
        now = 0.0
        while not self.lanes.is_idle:
            now += 1.0
            self.lanes.step(now)
            for report in self.pipeline.take():
                self.lanes.report(report, now)

    def fields(self) -> dict[int, Any]:
        return {said.page: said.text.fields for said in self.said if isinstance(said, PageRead)}

    def faults(self) -> dict[int, str]:
        return {said.page: said.reason for said in self.said if isinstance(said, PageFaulted)}


def grey(value: int, height: int = 64, width: int = 48) -> Any:
    return np.full((height, width, 3), value, np.uint8)


def marked(red: int) -> Any:
    page = grey(100)
    page[:16, :16, 0] = red  # survives the scaling
    return page


def test_the_class_that_quire_json_names_is_served(tmp_path: Path) -> None:
    model = loaded(page_model_folder(tmp_path, cells=3))
    assert model.model.info == ModelInfo(name="Grid", revision="7")
    desk = Desk(model)
    desk.read(grey(255), grey(0, 300, 900))
    first, second = desk.fields()[0], desk.fields()[1]
    assert first["cells"] == [[1.0] * 3] * 3
    assert (second["cells"], second["height"]) == ([[0.0] * 3] * 3, 300)
    assert (first["model_dir"], first["place"]) == (str(tmp_path / "model"), "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: what only CUDA runs is not judged")
def test_on_cuda_outputs_are_on_the_host_when_post_sees_them(tmp_path: Path) -> None:
    desk = Desk(loaded(page_model_folder(tmp_path), QUIRE_DEVICE="cuda"))
    desk.read(*(grey(51 * number) for number in range(6)))
    for number, found in desk.fields().items():
        assert (found["place"], found["outputs"]) == ("cuda", "cpu")
        assert found["cells"][0][0] == pytest.approx(number / 5, abs=1e-3)


def test_a_page_reads_the_same_alone_and_in_company(tmp_path: Path) -> None:
    model = loaded(page_model_folder(tmp_path, cells=4))
    random = np.random.default_rng(5)
    pages = [random.integers(0, 256, (90 + 7 * number, 60, 3), np.uint8) for number in range(12)]
    together = Desk(model)
    together.read(*pages)
    for number, page in enumerate(pages):
        alone = Desk(model)
        alone.read(page)
        assert alone.fields()[0]["cells"] == together.fields()[number]["cells"]


@pytest.mark.parametrize(
    ("function", "cells"),
    [
        ("def page_model_fn(model_dir): return Grid(3)", 3),
        ("def page_model_fn(model_dir, settings): return Grid(settings.max_pages)", 4),
    ],
)
def test_page_model_fn_is_found_in_the_program(tmp_path: Path, function: str, cells: int) -> None:
    page_model_folder(tmp_path, f"{GRID}\n{function}", module="mine", entry="")
    model = loaded(tmp_path, SAGEMAKER_PROGRAM="mine.py", QUIRE_MAX_PAGES="4")
    desk = Desk(model)
    desk.read(grey(255))
    assert len(desk.fields()[0]["cells"]) == cells


def test_a_poison_page_costs_itself_and_its_author_finds_the_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "quire.device")
    desk = Desk(loaded(page_model_folder(tmp_path, FAULTS, entry="grid:Faulty")))
    desk.read(*(marked(1 if number == 2 else 9) for number in range(6)))
    assert set(desk.fields()) == {0, 1, 3, 4, 5}
    assert desk.faults() == {2: "ValueError: a poison page"}
    (record,) = caplog.records
    assert record.message == "the page model failed on a page"
    assert record.exc_info is not None
    assert "code/grid.py" in str(logging.Formatter().formatException(record.exc_info))


def test_a_batch_that_does_not_fit_is_halved_and_the_ceiling_told(tmp_path: Path) -> None:
    desk = Desk(loaded(page_model_folder(tmp_path, FAULTS, entry="grid:Faulty", memory_pages=2)))
    desk.read(*(marked(9) for _ in range(8)))
    assert len(desk.fields()) == 8
    ceilings = [said.max_items for said in desk.said if isinstance(said, LimitBatch)]
    assert ceilings[-1] == 2


def test_memory_that_a_page_alone_lacks_is_the_pages_fault(tmp_path: Path) -> None:
    desk = Desk(loaded(page_model_folder(tmp_path, FAULTS, entry="grid:Faulty")))
    desk.read(marked(9), marked(3))
    assert set(desk.fields()) == {0}
    assert "out of memory" in desk.faults()[1]


def test_a_lost_device_ends_the_worker(tmp_path: Path) -> None:
    desk = Desk(loaded(page_model_folder(tmp_path, FAULTS, entry="grid:Faulty")))
    with pytest.raises(DeviceLost, match="illegal memory access"):
        desk.read(marked(2))


ODD = """
class Odd(Grid):
    def canvas(self, height, width):
        return (0 if height == 99 else 64), 48

    def post(self, outputs, pages):
        kinds = {10: [object()], 20: [{}, {}], 30: "text"}
        return kinds.get(int(pages[0][0, 0, 0]), [{}])
"""
"""Blank pages, by which a model is tried, are well with it."""


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (grey(10), "TypeError: a page's result is a object, not a text"),
        (grey(20), "2 outputs for 1 items"),
        (grey(30), "post gave a str, not a list"),
        (grey(40, height=99), "a canvas of 0 x 48 pixels"),
    ],
)
def test_answers_that_are_none_cost_their_page(tmp_path: Path, page: Any, reason: str) -> None:
    desk = Desk(loaded(page_model_folder(tmp_path, GRID + ODD, entry="grid:Odd")))
    desk.read(page)
    assert reason in desk.faults()[0]
    desk.read(grey(50))
    assert desk.fields() == {0: {}}


def test_the_class_may_choose_what_a_batch_holds(tmp_path: Path) -> None:
    source = f"{GRID}\nclass Small(Grid):\n    max_batch_pixels = 3 * 64 * 48\n"
    model = loaded(page_model_folder(tmp_path, source, entry="grid:Small"), QUIRE_BATCH_SHARE="1")
    assert model.pages_wanted == 6


def test_inference_makes_no_gradients(tmp_path: Path) -> None:
    source = GRID.replace('{"cells": found,', '{"cells": found, "grad": torch.is_grad_enabled(),')
    desk = Desk(loaded(page_model_folder(tmp_path, source)))
    desk.read(grey(1))
    assert desk.fields()[0]["grad"] is False


def grid_with(method: str) -> str:
    """Its own, but for this method."""
    return f"{GRID}\nclass Changed(Grid):\n    {method}\n"


BROKEN_IMPORTS = {
    "import nothing_of_this_name": "importing grid failed at grid.py:1: ModuleNotFoundError",
    "def broken(:": "importing grid failed: SyntaxError",
    "raise SystemExit(3)": "importing grid failed at grid.py:1: SystemExit: 3",
}
BROKEN_ENTRIES = {
    "other:Grid": "importing other failed: ModuleNotFoundError: No module named 'other'",
    "grid:Gird": "has no class or function Gird",
    "grid": "is not written module:Class",
    "os;x:y": "is not written module:Class",
}
BROKEN_METHODS = {
    "post = None": "has no method post",
    "def load(self, model_dir): ...": "must be callable as load(",
    "def load(self, model_dir, device): open('/no/such/file')": "Changed.load failed at grid.py:",
    "def pre(self, pages): return 1 / 0": "reading a blank page with Changed failed at grid.py:",
    "def post(self, outputs): return []": "post gave 0 results for one page",
    "def __init__(self): raise ValueError('not\\ntoday')": "ValueError: not today",
}


@pytest.mark.parametrize(
    ("source", "entry", "says"),
    [
        *((source, "grid:Grid", says) for source, says in BROKEN_IMPORTS.items()),
        *((GRID, entry, says) for entry, says in BROKEN_ENTRIES.items()),
        *((grid_with(method), "grid:Changed", says) for method, says in BROKEN_METHODS.items()),
        (f"{GRID}\ndef make(model_dir): return 3", "grid:make", "int has no method load"),
    ],
)
def test_a_broken_class_is_one_sentence(tmp_path: Path, source: str, entry: str, says: str) -> None:
    with pytest.raises(CannotLoad) as caught:
        loaded(page_model_folder(tmp_path, source, entry=entry))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_that_the_class_does_not_take_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"making grid:Grid failed: TypeError.*'celsl'"):
        loaded(page_model_folder(tmp_path, celsl=3))


def test_nothing_is_written_to_the_model_folder(tmp_path: Path) -> None:
    loaded(page_model_folder(tmp_path))
    assert sorted(path.name for path in (tmp_path / "model").rglob("*")) == ["code", "grid.py", "quire.json"]


def test_a_revision_that_is_not_given_is_the_sources(tmp_path: Path) -> None:
    source = GRID.replace('revision = "7"', "")
    first = loaded(page_model_folder(tmp_path / "a", source, module="grid_a", entry="grid_a:Grid"))
    same = loaded(page_model_folder(tmp_path / "b", source, module="grid_b", entry="grid_b:Grid"))
    other = loaded(page_model_folder(tmp_path / "c", source + "#", module="grid_c", entry="grid_c:Grid"))
    assert first.model.info.revision == same.model.info.revision != other.model.info.revision


def test_a_handlers_own_modules_are_found(tmp_path: Path) -> None:
    folder = page_model_folder(tmp_path, "from parts.net import Grid")
    (folder / "model" / "code" / "parts").mkdir()
    (folder / "model" / "code" / "parts" / "net.py").write_text(GRID)
    (folder / "model" / "quire.json").write_text(
        json.dumps({"task": "page-model", "class": "parts.net:Grid"})
    )
    assert loaded(folder).model.info.name == "Grid"
