"""A page reads the same alone and in any company, and the bench would see it if it did not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from bench.invariance import MOST_MARGIN_NATS, Comparison, Invariance, compare, groupings, receipts, table
from bench.margins import Cause, Difference, Judge, confidence_margin
from bench.recorded import ReadLine
from quire.engine.port import Canvas, Pixels
from quire.models.model_folder import default_model_dir
from quire.models.ppocr.lanes import RECOGNITION, LinePlace
from quire.models.ppocr.networks import load_networks
from quire.models.ppocr.page_images import HostPage
from quire.models.ppocr.reader import PPOCRReader
from quire.models.precision import Precision
from quire.words.reading import ModelInfo
from quire.words.settings import Settings

FP32 = Settings.from_environ({"QUIRE_PRECISION": "fp32", "QUIRE_DEVICE": "cpu"})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other busy processes torch's own threads wait more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn(*lines: str) -> Pixels:
    image = Image.new("RGB", (500, 60 + 60 * len(lines)), "white")
    for number, text in enumerate(lines):
        ImageDraw.Draw(image).text((30, 30 + 60 * number), text, "black", ImageFont.load_default(30))
    return np.asarray(image)


def test_receipts_read_the_same_in_fp32_in_any_company(documents: Path) -> None:
    precision, found = compare(FP32, receipts(documents, 3), seeds=1)
    assert precision is Precision.FP32
    assert (found.num_pages, found.num_comparisons) == (3, 6)
    assert found.num_lines > 50
    assert found.differences == []


def test_a_page_that_reads_otherwise_is_seen() -> None:
    """The page is exchanged after it was read alone."""
    pages = {"one": drawn("Total 12.50", "Thank you"), "two": drawn("Invoice 7")}
    comparison = Comparison(default_model_dir(), FP32, pages)
    comparison.run([[0, 1]])
    assert comparison.found.differences == []
    comparison.exchange(0, drawn("Total 12.90", "Thank you"))
    comparison.run([[1, 0]])
    assert {name for name, _ in comparison.found.differences} == {"one"}
    assert any("12.50" in difference.alone for _, difference in comparison.found.differences)


def test_a_character_that_changed_is_judged_by_its_margin() -> None:
    networks = load_networks(default_model_dir(), torch.device("cpu"), Precision.FP32)
    lane = PPOCRReader(networks, ModelInfo(name="drawn", revision="0")).lanes[RECOGNITION]
    judge = Judge(default_model_dir(), networks, lane)
    cat, cot = (line_of(drawn(text)) for text in ("The cat sat", "The cot sat"))
    found = judge.difference(cat, cot, ("The cat sat", "The cot sat"))
    assert found.cause is Cause.CHARACTER
    assert found.margin is not None and found.margin > MOST_MARGIN_NATS, "the network was sure of it"


def line_of(page: Pixels) -> ReadLine:
    quad = np.array([[20.0, 25.0], [240.0, 25.0], [240.0, 70.0], [20.0, 70.0]])
    place = LinePlace(HostPage(page), quad)
    return ReadLine(Canvas(48, 240), place, (place,), 0)


def test_every_grouping_holds_every_page_once() -> None:
    found = list(groupings(20, 3))
    assert found[0] == [list(range(20))]
    assert len(found) == 4
    for grouping in found:
        assert sorted(index for group in grouping for index in group) == list(range(20))
    assert found[1] != found[2]


def test_only_doubtful_lines_may_differ() -> None:
    doubtful = Difference("O", "0", Cause.CHARACTER, 0.1)
    sure = Difference("O", "X", Cause.CHARACTER, MOST_MARGIN_NATS + 0.1)
    moved = Difference("O", "", Cause.REGION, None)
    assert Invariance(1, 1, 1, [("page", doubtful)]).is_within
    assert not Invariance(1, 1, 1, [("page", doubtful), ("page", sure)]).is_within
    assert not Invariance(1, 1, 1, [("page", moved)]).is_within
    assert "NO" in table({"fp32": Invariance(1, 1, 1, [("page", doubtful)])})


def test_confidence_at_the_threshold_has_no_margin() -> None:
    assert confidence_margin(0.65) == 0.0
    assert confidence_margin(0.9) > confidence_margin(0.7) > 0
