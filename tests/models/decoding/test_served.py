"""A packed folder in the place of the user's model is served by the engine's own processes: documents that
come at once are written together, and each answer is that of the document alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from bench.decoding import drawn_pages
from quire.words.errors import BadRequest, DeadlineExceeded
from quire.words.request import MAX_PROMPT_CHARACTERS
from tests.fakes.running_engine import RunningEngine, running_engine
from tests.fakes.served_folders import pack
from tests.fakes.tiny_decoders import TINY

MAX_TOKENS = 60
NUM_DOCUMENTS = 8


@pytest.fixture(scope="module", params=["donut", "trocr", "got_ocr2", "idefics3", "smolvlm"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEngine]:
    base = tmp_path_factory.mktemp(request.param)
    folder = TINY[request.param](base / "saved")
    options = {"max_tokens": MAX_TOKENS, "slots": NUM_DOCUMENTS}
    (folder / "quire.json").write_bytes(msgspec.json.encode({"options": options}))
    pack(folder, base)
    environ = {
        "SAGEMAKER_BASE_DIR": str(base),
        "QUIRE_DEVICE": "cpu",
        "QUIRE_DEVICE_WORKERS": "1",
        "QUIRE_LOG_LEVEL": "warning",
    }
    with running_engine(base / "run", environ) as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    base = tmp_path_factory.mktemp("pages")
    paths = [base / f"{number}.png" for number in range(NUM_DOCUMENTS)]
    for path, pixels in zip(paths, drawn_pages(NUM_DOCUMENTS), strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def test_documents_at_once_get_the_answers_that_they_get_alone(
    engine: RunningEngine, pages: list[Path]
) -> None:
    alone = [engine.read(path).pages for path in pages]
    assert all(len(read) == 1 and read[0].error is None for read in alone)
    assert len({read[0].text for read in alone}) > 1
    with ThreadPoolExecutor(NUM_DOCUMENTS) as callers:
        together = list(callers.map(engine.read, pages))
    assert [reading.pages for reading in together] == alone


def test_a_deadline_stops_a_decode_and_the_next_document_is_read(
    engine: RunningEngine, pages: list[Path]
) -> None:
    """The deadline is half of what the same document was seen to take, most of it tokens."""
    timed = []
    for _ in range(3):
        began = time.monotonic()
        whole = engine.read(pages[1]).pages
        timed.append(time.monotonic() - began)
    with pytest.raises(DeadlineExceeded):
        engine.read(pages[1], seconds=min(timed) / 2)
    assert engine.read(pages[1]).pages == whole


def test_a_prompt_that_leaves_no_room_for_an_answer_is_a_bad_request(
    engine: RunningEngine, pages: list[Path]
) -> None:
    with pytest.raises(BadRequest, match="leaves no room for an answer"):
        engine.read(pages[0], prompt="a" * MAX_PROMPT_CHARACTERS)
    assert engine.read(pages[0]).pages[0].error is None
