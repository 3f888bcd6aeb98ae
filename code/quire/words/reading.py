"""What was read: words of geometry, line, block, page and document. Pixels, top-left origin."""

from __future__ import annotations

import enum
import math
from typing import Any, Literal

import msgspec

from quire.words.errors import Fault


class Point(msgspec.Struct, frozen=True, array_like=True):
    """Pixels from the page image's top-left corner: x to the right, y down."""

    x: float
    y: float


Polygon = tuple[Point, Point, Point, Point]
"""Four corners in the text's own order: its top left, top right, bottom right, bottom left."""


def rectangle(left: float, top: float, right: float, bottom: float) -> Polygon:
    """The polygon of upright text between two corners."""
    return (Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom))


class TextSource(enum.Enum):
    """Where a page's text comes from."""

    OCR = "ocr"
    LAYER = "layer"
    NONE = "none"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of text. `confidence` is 0.0 to 1.0; text from a text layer has 1.0."""

    text: str
    confidence: float
    polygon: Polygon

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is outside 0.0 to 1.0: this is a bug")
        if not all(math.isfinite(point.x) and math.isfinite(point.y) for point in self.polygon):
            raise ValueError("a polygon with a corner that is not finite: this is a bug")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that belong together; `lines` are indices into the page's lines."""

    type: str
    polygon: Polygon
    lines: tuple[int, ...]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """Words of a page that the model found to be one thing, such as a total. `score`, 0.0 to 1.0, is the
    mean over the words of their tags' probabilities; `lines` are indices into the page's lines."""

    label: str
    text: str
    score: float
    polygon: Polygon
    lines: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} is outside 0.0 to 1.0: this is a bug")


class PageText(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a page: lines in reading order, their blocks, and the clockwise turn in
    degrees (0, 90, 180, 270) that the displayed page needed before it could be read. `fields` is
    whatever else the model found, as JSON has it."""

    text: str
    lines: tuple[Line, ...] = ()
    blocks: tuple[Block, ...] = ()
    rotation_degrees: int = 0
    source: TextSource = TextSource.OCR
    entities: tuple[Entity, ...] = ()
    fields: dict[str, Any] | None = None
    is_cut: bool = False


class PageResult(msgspec.Struct, frozen=True, kw_only=True):
    """One page's entry in the answer. `page` counts from 1; polygons lie in the page as displayed
    (EXIF and /Rotate obeyed), `width_px` × `height_px`. A failed page has `error` and no text.
    `fields` is what else the model found, by the model's own names. `is_cut` where a model that writes
    was stopped before it had ended, by its `max_tokens` or the like."""

    page: int
    width_px: int
    height_px: int
    dpi: float | None
    rotation_degrees: int
    text_source: TextSource
    text: str
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    entities: tuple[Entity, ...] = ()
    fields: dict[str, Any] | None = None
    is_cut: bool = False
    error: Fault | None = None

    @classmethod
    def read(cls, page: int, size: PageSize, text: PageText) -> PageResult:
        return cls(
            page=page,
            width_px=size.width_px,
            height_px=size.height_px,
            dpi=size.dpi,
            rotation_degrees=text.rotation_degrees,
            text_source=text.source,
            text=text.text,
            lines=text.lines,
            blocks=text.blocks,
            entities=text.entities,
            fields=text.fields,
            is_cut=text.is_cut,
        )

    @classmethod
    def failed(cls, page: int, fault: Fault, size: PageSize | None = None) -> PageResult:
        size = size or PageSize(width_px=0, height_px=0, dpi=None)
        return cls(
            page=page,
            width_px=size.width_px,
            height_px=size.height_px,
            dpi=size.dpi,
            rotation_degrees=0,
            text_source=TextSource.NONE,
            text="",
            lines=(),
            blocks=(),
            error=fault,
        )


class PageSize(msgspec.Struct, frozen=True, kw_only=True):
    """The displayed page's image. `dpi` is None where the file does not say."""

    width_px: int
    height_px: int
    dpi: float | None

    @property
    def num_bytes(self) -> int:
        """Bytes of the page as RGB, uint8, rows without padding."""
        return self.width_px * self.height_px * 3


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which model read it."""

    name: str
    revision: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file that was read. `num_pages` counts the whole document, asked for or not."""

    media_type: str
    bytes: int
    sha256: str
    num_pages: int


class DocumentReading(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer: what `predict_fn` returns and `output_fn` writes. `fields` is what a model found
    that reads the text as a whole; `fields_error` says why it found nothing."""

    inference_id: str | None
    reference: str | None
    model: ModelInfo
    source: Source
    pages: tuple[PageResult, ...]
    timings_ms: dict[str, float]
    fields: dict[str, Any] | None = None
    fields_error: Fault | None = None

    @property
    def status(self) -> Literal["complete", "partial"]:
        """`partial` when any page has an error, or the document has, else `complete`."""
        return "partial" if self.fields_error or any(page.error for page in self.pages) else "complete"
