"""Readings to write: what an engine may hand over, complete and partial."""

from __future__ import annotations

from quire.words.errors import Fault, PageUnreadable
from quire.words.reading import (
    Block,
    DocumentReading,
    Entity,
    Line,
    ModelInfo,
    PageResult,
    PageSize,
    PageText,
    Point,
    Source,
    rectangle,
)

SIZE = PageSize(width_px=1654, height_px=2339, dpi=200.04)


def read_page(number: int, text: str = "Grüße, 1.250 €") -> PageResult:
    polygon = (Point(10.04, 20.06), Point(-0.02, 20.0), Point(110.55, 40.0), Point(10.0, 40.0))
    return PageResult.read(
        number,
        SIZE,
        PageText(
            text=text,
            lines=(Line(text=text, confidence=0.98765, polygon=polygon),),
            blocks=(Block(type="text", polygon=rectangle(1.23, 2.34, 3.45, 4.56), lines=(0,)),),
            entities=(Entity(label="SUM", text="1.250", score=0.91234, polygon=polygon, lines=(0,)),),
        ),
    )


def failed_page(number: int) -> PageResult:
    return PageResult.failed(number, Fault.of(PageUnreadable("the page's data is broken")))


def reading(*pages: PageResult, inference_id: str | None = "i-1") -> DocumentReading:
    return DocumentReading(
        inference_id=inference_id,
        reference="invoice-17",
        model=ModelInfo(name="pp-ocrv6-small", revision="r1"),
        source=Source(media_type="application/pdf", bytes=1234, sha256="0" * 64, num_pages=9),
        pages=pages,
        timings_ms={"total": 12.345},
    )
