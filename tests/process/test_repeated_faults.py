"""A model that kills its worker at each page ends the container: every waiter is answered before, and the
last line says why."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from bench.served import served
from quire.models.stub import Marker
from tests.fakes.running_engine import stub_folder

_ENDS_SECONDS = 120.0


def draw_pages(path: Path, markers: list[tuple[int, int, int]]) -> bytes:
    pages = []
    for marker in markers:
        pixels = np.full((30, 30, 3), 100, dtype=np.uint8)
        pixels[0, 0] = marker
        pages.append(Image.fromarray(pixels))
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path.read_bytes()


def test_a_model_that_kills_its_worker_at_each_page_ends_the_container(tmp_path: Path) -> None:
    base = stub_folder(tmp_path / "ml", max_items=2)
    deadly = draw_pages(tmp_path / "deadly.tif", [Marker.KILL] * 12)
    with served(SAGEMAKER_BASE_DIR=str(base), QUIRE_DEVICE_WORKERS="1") as container:
        container.await_healthy()
        with ThreadPoolExecutor(3) as pool:
            posts = [pool.submit(container.post, deadly, "image/tiff") for _ in range(3)]
            answers = [post.result(_ENDS_SECONDS) for post in posts]
        assert container.process.wait(_ENDS_SECONDS) == 1
        lines = [json.loads(line) for line in container.log.read_text().splitlines()]
    codes = [json.loads(body)["error"]["code"] for _, body in answers]
    assert set(codes) <= {"engine_lost", "page_failed_on_device"}
    assert "engine_lost" in codes
    deaths = [line for line in lines if line["event"] == "device worker died"]
    assert len(deaths) == 8
    reasons = [line["reason"] for line in lines if line["event"] == "the engine cannot serve"]
    assert reasons == ["the device workers die and die, and read no page in between"]
    assert lines[-1]["event"] == "the container ends"
