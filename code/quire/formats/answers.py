"""What does an answer hold, as JSON? These structs are the published schemas."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from quire.words.errors import Fault
from quire.words.reading import (
    Block,
    DocumentReading,
    Entity,
    Line,
    ModelInfo,
    PageResult,
    Point,
    Polygon,
    Source,
    TextSource,
)


class DocumentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was read: `complete`, or `partial` where a page has an error."""

    schema: Literal["quire.document/1"]
    inference_id: str | None
    reference: str | None
    status: Literal["complete", "partial"]
    model: ModelInfo
    source: Source
    pages: tuple[PageResult, ...]
    fields: dict[str, Any] | None
    fields_error: Fault | None
    timings_ms: dict[str, float]

    @classmethod
    def of(cls, reading: DocumentReading) -> DocumentAnswer:
        return cls(
            schema="quire.document/1",
            inference_id=reading.inference_id,
            reference=reading.reference,
            status=reading.status,
            model=reading.model,
            source=reading.source,
            pages=tuple(rounded(page) for page in reading.pages),
            fields=reading.fields,
            fields_error=reading.fields_error,
            timings_ms={name: round(value, 1) for name, value in reading.timings_ms.items()},
        )


class PageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One page with all that tells whose page it is: a line of JSON Lines."""

    schema: Literal["quire.page/1"]
    inference_id: str | None
    reference: str | None
    model: ModelInfo
    source: Source
    page: int
    width_px: int
    height_px: int
    dpi: float | None
    rotation_degrees: int
    text_source: TextSource
    text: str
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    entities: tuple[Entity, ...]
    fields: dict[str, Any] | None
    is_cut: bool
    error: Fault | None

    @classmethod
    def of(cls, reading: DocumentReading, page: PageResult) -> PageAnswer:
        return cls(
            schema="quire.page/1",
            inference_id=reading.inference_id,
            reference=reading.reference,
            model=reading.model,
            source=reading.source,
            **msgspec.structs.asdict(rounded(page)),
        )


def rounded(page: PageResult) -> PageResult:
    """The page with confidences of three decimals and tenths of a pixel: what OCR can know."""
    return msgspec.structs.replace(
        page,
        dpi=None if page.dpi is None else round(page.dpi, 1),
        lines=tuple(_rounded_line(line) for line in page.lines),
        blocks=tuple(
            msgspec.structs.replace(block, polygon=_rounded_polygon(block.polygon)) for block in page.blocks
        ),
        entities=tuple(_rounded_entity(entity) for entity in page.entities),
    )


def _rounded_line(line: Line) -> Line:
    return Line(text=line.text, confidence=round(line.confidence, 3), polygon=_rounded_polygon(line.polygon))


def _rounded_entity(entity: Entity) -> Entity:
    return msgspec.structs.replace(
        entity, score=round(entity.score, 3), polygon=_rounded_polygon(entity.polygon)
    )


def _rounded_polygon(polygon: Polygon) -> Polygon:
    first, second, third, fourth = polygon
    return (_rounded_point(first), _rounded_point(second), _rounded_point(third), _rounded_point(fourth))


def _rounded_point(point: Point) -> Point:
    return Point(round(point.x, 1) + 0.0, round(point.y, 1) + 0.0)  # + 0.0: never -0.0
