"""Geometry and results, checked when they are made."""

from __future__ import annotations

import math

import msgspec
import pytest

from quire.words.errors import Fault, PageTooLarge
from quire.words.reading import (
    DocumentReading,
    Entity,
    Line,
    ModelInfo,
    PageResult,
    PageSize,
    PageText,
    Point,
    Source,
    TextSource,
    rectangle,
)

SIZE = PageSize(width_px=30, height_px=40, dpi=72.0)
BOX = rectangle(1, 2, 3, 4)


def test_rectangle_begins_at_its_top_left_and_goes_clockwise() -> None:
    assert rectangle(1, 2, 30, 40) == (Point(1, 2), Point(30, 2), Point(30, 40), Point(1, 40))


@pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0])
def test_confidence_lies_from_zero_to_one(confidence: float) -> None:
    assert Line(text="a", confidence=confidence, polygon=BOX).confidence == confidence


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan, math.inf])
def test_confidence_outside_is_a_bug(confidence: float) -> None:
    with pytest.raises(ValueError, match="bug"):
        Line(text="a", confidence=confidence, polygon=BOX)


@pytest.mark.parametrize("coordinate", [math.nan, math.inf, -math.inf])
def test_corner_that_is_not_finite_is_a_bug(coordinate: float) -> None:
    with pytest.raises(ValueError, match="bug"):
        Line(text="a", confidence=1.0, polygon=(*BOX[:3], Point(0.0, coordinate)))


@pytest.mark.parametrize("score", [-0.01, 1.01, math.nan])
def test_score_of_an_entity_outside_zero_to_one_is_a_bug(score: float) -> None:
    with pytest.raises(ValueError, match="bug"):
        Entity(label="TOTAL", text="12", score=score, polygon=BOX, lines=(0,))


def test_point_is_written_as_a_pair() -> None:
    assert msgspec.json.encode(Point(1.5, 2.0)) == b"[1.5,2.0]"


def test_page_size_counts_three_bytes_a_pixel() -> None:
    assert SIZE.num_bytes == 30 * 40 * 3


def test_page_read_carries_size_and_text() -> None:
    line = Line(text="a", confidence=0.5, polygon=BOX)
    text = PageText(text="a", lines=(line,), blocks=(), rotation_degrees=90, source=TextSource.LAYER)
    page = PageResult.read(7, SIZE, text)
    assert (page.page, page.width_px, page.height_px, page.dpi) == (7, 30, 40, 72.0)
    assert (page.text, page.lines, page.rotation_degrees) == ("a", (line,), 90)
    assert page.text_source is TextSource.LAYER
    assert page.error is None


def test_page_read_carries_entities_and_has_none_by_default() -> None:
    found = Entity(label="TOTAL", text="a", score=0.5, polygon=BOX, lines=(0,))
    text = PageText(text="a", lines=(), blocks=(), entities=(found,))
    page = PageResult.read(1, SIZE, text)
    assert page.entities == (found,)
    assert msgspec.json.decode(msgspec.json.encode(page), type=PageResult) == page
    assert PageResult.read(1, SIZE, PageText(text="a", lines=(), blocks=())).entities == ()


def test_failed_page_has_an_error_and_no_text() -> None:
    fault = Fault.of(PageTooLarge("too large"))
    page = PageResult.failed(2, fault)
    assert (page.error, page.text, page.lines, page.text_source) == (fault, "", (), TextSource.NONE)
    assert (page.width_px, page.height_px) == (0, 0)
    assert PageResult.failed(2, fault, SIZE).width_px == 30


def test_document_is_partial_as_soon_as_one_page_failed() -> None:
    good = PageResult.read(1, SIZE, PageText(text="", lines=(), blocks=()))
    bad = PageResult.failed(2, Fault.of(PageTooLarge("too large")))
    assert document(good).status == "complete"
    assert document(good, bad).status == "partial"
    assert document().status == "complete"


def test_page_result_survives_a_file() -> None:
    page = PageResult.failed(2, Fault.of(PageTooLarge("too large")), SIZE)
    assert msgspec.json.decode(msgspec.json.encode(page), type=PageResult) == page


def document(*pages: PageResult) -> DocumentReading:
    return DocumentReading(
        inference_id=None,
        reference=None,
        model=ModelInfo(name="m", revision="1"),
        source=Source(media_type="image/png", bytes=1, sha256="0" * 64, num_pages=len(pages)),
        pages=pages,
        timings_ms={},
    )
