"""Lines found in any order → the page's text: reading order, blocks and plain text."""

from __future__ import annotations

from collections.abc import Sequence

from quire.layout.blocks import blocks_of
from quire.layout.frames import reading_boxes
from quire.layout.order import regions_of
from quire.words.reading import Block, Line, PageText, Polygon, TextSource, rectangle

TEXT_BLOCK = "text"


def compose_page(
    lines: Sequence[Line], *, rotation_degrees: int = 0, source: TextSource = TextSource.OCR
) -> PageText:
    """Puts the lines in reading order. In the text a line ends with a newline and blocks stand apart by
    an empty line. Polygons stay as they are: in the displayed page, corners in the text's own order."""
    boxes = reading_boxes([line.polygon for line in lines])
    grouped = [block for region in regions_of(boxes) for block in blocks_of(boxes, region)]
    ordered = tuple(lines[index] for block in grouped for index in block)
    blocks, first = [], 0
    for block in grouped:
        numbers = tuple(range(first, first + len(block)))
        blocks.append(
            Block(
                type=TEXT_BLOCK,
                polygon=_around([ordered[number].polygon for number in numbers], rotation_degrees),
                lines=numbers,
            )
        )
        first += len(block)
    text = "\n\n".join("\n".join(ordered[number].text for number in block.lines) for block in blocks)
    return PageText(
        text=text, lines=ordered, blocks=tuple(blocks), rotation_degrees=rotation_degrees, source=source
    )


def _around(polygons: Sequence[Polygon], rotation_degrees: int) -> Polygon:
    """The rectangle around polygons, upright in the displayed page, from the text's own top left."""
    points = [point for polygon in polygons for point in polygon]
    xs, ys = [point.x for point in points], [point.y for point in points]
    corners = rectangle(min(xs), min(ys), max(xs), max(ys))
    first = -(rotation_degrees // 90) % 4
    return (corners[first], corners[first - 3], corners[first - 2], corners[first - 1])
