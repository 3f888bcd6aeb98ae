"""Page models answer the same under both front ends, and their pages share batches there too."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes.page_models import GRID, WRITES_BRIGHTNESS, page_model_folder
from tests.fakes.running_container import handler_folder
from tests.mms.conftest import Served, await_warm, serving_under


def drawn(value: int) -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.full((400, 300, 3), value, np.uint8)).save(held, "PNG")
    return held.getvalue()


@pytest.mark.parametrize("server", ["gunicorn", "mms"])
def test_pages_of_all_documents_are_answered(folder: Path, server: str) -> None:
    page_model_folder(folder, GRID, cells=1)
    values = (0, 51, 102, 153, 204, 255)
    with serving_under(server, folder, QUIRE_DEVICE_WORKERS="1") as container:
        await_warm(container)
        served = Served(server, container)
        with ThreadPoolExecutor(len(values)) as pool:
            answers = list(pool.map(served.post, map(drawn, values)))
        found = [answer.json["pages"][0]["fields"]["cells"][0][0] for answer in answers]
        assert found == pytest.approx([value / 255 for value in values])
        assert sum(event["pages"] for event in served.events("batch")) == len(values)


@pytest.mark.parametrize("server", ["gunicorn", "mms"])
def test_a_handler_stands_over_one(folder: Path, server: str) -> None:
    handler_folder(page_model_folder(folder, GRID, cells=1), WRITES_BRIGHTNESS)
    with serving_under(server, folder, QUIRE_DEVICE_WORKERS="1") as container:
        await_warm(container)
        answer = Served(server, container).post(drawn(51))
        assert (answer.status, answer.body) == (200, b"0.2"), answer.body
