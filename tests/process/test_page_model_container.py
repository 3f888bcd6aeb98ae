"""Page models as SageMaker brings them: packed, unpacked and served by `./serve`. The first is the one that
docs/handlers.md walks through."""

from __future__ import annotations

import json
import math
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.documented import block, docs_page, section
from tests.fakes.page_models import GRID, WRITES_BRIGHTNESS, page_model_folder
from tests.fakes.running_container import Container, handler_folder, run_serve, serving

ONE_WORKER = {"QUIRE_DEVICE_WORKERS": "1", "QUIRE_RENDER_WORKERS": "1"}


def inline(text: str, beginning: str) -> str:
    (found,) = re.findall(rf"`({re.escape(beginning)}[^`]*)`", text)
    return str(found)


def weights_that_tell_dark_from_light(sure: float) -> Mapping[str, Any]:
    """Of the network in the walk: a wholly dark page is the second kind, `sure` in 0.5 to 1.0."""
    steepness = math.log(sure / (1 - sure))
    brightness = torch.zeros(8, 3, 5, 5)
    brightness[0] = 1 / 75
    slope = torch.zeros(2, 8)
    slope[:, 0] = torch.tensor([steepness, -steepness])
    bias = torch.tensor([-steepness / 2, steepness / 2])
    return {"0.weight": brightness, "0.bias": torch.zeros(8), "4.weight": slope, "4.bias": bias}


def packed(folder: Path, words: str, base: Path) -> Path:
    """What the words of the command make of the folder, unpacked where SageMaker does; the base dir."""
    command, *arguments = shlex.split(words)
    assert command == "quire"
    subprocess.run(
        [sys.executable, "-m", "quire_endpoint.command", *arguments],
        cwd=folder.parent,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    with tarfile.open(folder.parent / "model.tar.gz") as archive:
        archive.extractall(base / "model", filter="data")
    return base


def draw(path: Path, value: int) -> Path:
    Image.fromarray(np.full((400, 300, 3), value, np.uint8)).save(path)
    return path


def fields(container: Container, page: Path) -> Any:
    answer = container.post(page)
    assert answer.status == 200, answer.body
    return answer.json["pages"][0]["fields"]


def test_the_walk_through_does_what_it_says(repository: Path, tmp_path: Path) -> None:
    text = section(docs_page(repository, "handlers.md"), "## A page model")
    assert len(text.splitlines()) < 60
    expected = json.loads(inline(text, '{"kind"'))
    folder = tmp_path / "page-kind"
    (folder / "code").mkdir(parents=True)
    (folder / inline(text, "code/page_kind")).write_text(block(text, "python"))
    (folder / "quire.json").write_text(block(text, "json"))
    save_file(dict(weights_that_tell_dark_from_light(expected["score"])), folder / "model.safetensors")
    base = packed(folder, inline(text, "quire pack"), tmp_path / "ml")
    with serving(base, **ONE_WORKER) as container:
        container.await_warm()
        found = fields(container, draw(tmp_path / "dark.png", 0))
        assert {**found, "score": round(found["score"], 4)} == expected
        assert fields(container, draw(tmp_path / "light.png", 255))["kind"] == "letter"
        answer = container.post(tmp_path / "dark.png").json
        assert answer["model"]["name"] == "PageKind"


def test_a_class_in_the_program_that_quire_json_names_is_no_handler(tmp_path: Path) -> None:
    folder = page_model_folder(tmp_path / "made", module="inference", entry="inference:Grid") / "model"
    base = packed(folder, "quire pack model --out model.tar.gz", tmp_path / "ml")
    with serving(base, **ONE_WORKER) as container:
        container.await_warm()
        assert fields(container, draw(tmp_path / "page.png", 255))["cells"] == [[1.0, 1.0], [1.0, 1.0]]


def test_a_handler_may_stand_over_a_page_model(tmp_path: Path) -> None:
    made = handler_folder(page_model_folder(tmp_path / "made", GRID, cells=1), WRITES_BRIGHTNESS)
    base = packed(made / "model", "quire pack model --out model.tar.gz", tmp_path / "ml")
    with serving(base, **ONE_WORKER) as container:
        container.await_warm()
        answer = container.post(draw(tmp_path / "page.png", 51))
        assert (answer.status, answer.body) == (200, b"0.2"), answer.body


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_of_this_name", "importing grid failed at grid.py:1: ModuleNotFoundError"),
        (GRID.replace("def pre(self, pages)", "def pre(self)"), "must be callable as pre(pages)"),
    ],
)
def test_a_class_that_cannot_be_served_ends_the_container_with_1_and_one_line(
    tmp_path: Path, source: str, says: str
) -> None:
    with serving(page_model_folder(tmp_path / "ml", source), **ONE_WORKER) as container:
        assert container.ended() == 1
        lines = [json.loads(line) for line in container.log.splitlines()]
        (line,) = [line for line in lines if line["event"] == "the model cannot be loaded"]
        assert says in line["reason"]
        assert "\n" not in line["reason"]
        assert lines[-1]["event"] == "the container ends"


def test_a_model_fn_beside_a_page_model_is_one_line_and_2(tmp_path: Path) -> None:
    base = page_model_folder(tmp_path, f"{GRID}\ndef model_fn(model_dir): ...", "inference", "inference:Grid")
    ended = run_serve(base)
    assert ended.returncode == 2
    assert "one model is served" in ended.stderr
    assert ended.stderr.count("\n") == 1
