"""The text layer of a PDF page: its lines in displayed pixels, and whether they may stand for what is
seen (the rules are layer_trust's; this file gathers what they judge)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pypdfium2 as pdfium

from quire.rendering.layer_trust import (
    Doubt,
    count_characters,
    doubt_characters,
    doubt_ink,
    doubt_pictures,
)
from quire.rendering.pdf_annotations import shows_annotated_text
from quire.rendering.pdf_characters import Character, page_characters
from quire.rendering.pdf_drawing import draw_grey
from quire.rendering.pdf_ink import measure_ink
from quire.rendering.pdf_lines import TextLine, text_lines
from quire.rendering.pdf_pictures import Picture, covered_share
from quire.rendering.pdf_placement import placement
from quire.rendering.scaling import limited_scale, scaled_side
from quire.words.reading import Line, PageSize, PageText, Point, Polygon, TextSource

_POINTS_PER_INCH = 72.0
_INK_DPI = 100
_MAX_INK_PIXELS = 1_500_000


class JudgedLayer(NamedTuple):
    """The visible lines of a layer, and why they are not to be trusted, if so (they are none then)."""

    lines: tuple[Line, ...]
    doubt: Doubt | None


def present_lines(page: pdfium.PdfPage, size: PageSize) -> tuple[Line, ...]:
    """All text of the layer that lies on the page, visible or not, trusted or not; may be empty."""
    on_page, _ = _on_page(page, _characters(page))
    return _lines(page, text_lines(on_page), size)


def judge_layer(page: pdfium.PdfPage, size: PageSize, pictures: Sequence[Picture]) -> JudgedLayer:
    """The cheap rules first: the page is drawn only when they find nothing to doubt."""
    visible = [character for character in _characters(page) if character.is_visible]
    on_page, num_outside = _on_page(page, visible)
    texts = (character.text for character in on_page if not character.is_blank)
    doubt = doubt_characters(count_characters(texts, num_outside)) or doubt_pictures(covered_share(pictures))
    if doubt is None and shows_annotated_text(page):
        doubt = Doubt.ANNOTATIONS
    lines = text_lines(on_page)
    doubt = doubt or _doubt_what_is_seen(page, lines)
    return JudgedLayer(() if doubt else _lines(page, lines, size), doubt)


def page_text(lines: Sequence[Line]) -> PageText:
    """The lines in the order of the PDF's content, in no blocks, with the turn that most of them need.
    Reading order and blocks are the layout room's, which stands beside this one: its caller joins them."""
    return PageText(
        text="\n".join(line.text for line in lines),
        lines=tuple(lines),
        blocks=(),
        rotation_degrees=_rotation_degrees(lines),
        source=TextSource.LAYER,
    )


def _rotation_degrees(lines: Sequence[Line]) -> int:
    """Clockwise, 0 to 270: what brings the longest part of the text level."""
    lengths = [0.0] * 4
    for line in lines:
        begin, end = line.polygon[0], line.polygon[1]
        across, down = end.x - begin.x, end.y - begin.y
        quarters = round(math.atan2(down, across) / (math.pi / 2))
        lengths[-quarters % 4] += math.hypot(across, down)
    return 90 * lengths.index(max(lengths))


def _characters(page: pdfium.PdfPage) -> list[Character]:
    """None at all where PDFium cannot make a text page: the page may still be drawn and read."""
    try:
        textpage = page.get_textpage()
    except pdfium.PdfiumError:
        return []
    try:
        return page_characters(textpage)
    finally:
        textpage.close()


def _on_page(page: pdfium.PdfPage, characters: Iterable[Character]) -> tuple[list[Character], int]:
    """Those whose centre is displayed, blanks among them, and the number of the others."""
    to_page = placement(page)
    inside, num_outside = [], 0
    for character in characters:
        across, down = to_page.on_point(*character.centre)
        if character.is_blank or (0.0 <= across <= 1.0 and 0.0 <= down <= 1.0):
            inside.append(character)
        else:
            num_outside += 1
    return inside, num_outside


def _doubt_what_is_seen(page: pdfium.PdfPage, lines: Sequence[TextLine]) -> Doubt | None:
    width, height = page.get_size()
    scale = limited_scale(width, height, _INK_DPI / _POINTS_PER_INCH, _MAX_INK_PIXELS)
    size = PageSize(width_px=scaled_side(width, scale), height_px=scaled_side(height, scale), dpi=None)
    grey = draw_grey(page, size.width_px, size.height_px)
    ink = measure_ink(grey, _polygons(page, lines, size))
    num_letters = sum(len(line.text) for line in lines)
    num_unseen = sum(len(lines[index].text) for index in ink.unseen_lines)
    return doubt_ink(ink.under_lines, ink.foreign, num_unseen / max(1, num_letters))


def _lines(page: pdfium.PdfPage, lines: Sequence[TextLine], size: PageSize) -> tuple[Line, ...]:
    polygons = _polygons(page, lines, size)
    return tuple(
        Line(text=line.text, confidence=1.0, polygon=polygon)
        for line, polygon in zip(lines, polygons, strict=True)
    )


def _polygons(page: pdfium.PdfPage, lines: Sequence[TextLine], size: PageSize) -> list[Polygon]:
    """Corners on `size`, kept within it."""
    to_pixels = placement(page, size)
    polygons = []
    for line in lines:
        corners = [to_pixels.on_point(*corner) for corner in line.corners()]
        one, two, three, four = (_kept_within(x, y, size) for x, y in corners)
        polygons.append((one, two, three, four))
    return polygons


def _kept_within(x: float, y: float, size: PageSize) -> Point:
    return Point(min(max(x, 0.0), float(size.width_px)), min(max(y, 0.0), float(size.height_px)))
