"""The whole reader: drawn and outside pages, whichever way up, alone and in company."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from bench.in_process import read_pages
from quire.engine.port import Pixels
from quire.models.ppocr.networks import Networks
from quire.models.ppocr.reader import PPOCRReader, load_reader
from quire.process.character_errors import character_error_rate
from quire.rendering.opening import RenderLimits, open_document
from quire.words.reading import ModelInfo, PageText
from quire.words.settings import Settings

LETTER = (
    "Harbour Street 12, Bristol",
    "Dear Ms Whitfield,",
    "thank you for your order of 24 March.",
    "The goods will be sent within five days.",
    "Please quote 2041-17 in any letter.",
)

Load = Callable[[str, int], Pixels]


@pytest.fixture(scope="session")
def reader(networks: Networks) -> PPOCRReader:
    return PPOCRReader(networks, ModelInfo(name="drawn", revision="0"))


@pytest.fixture(scope="session")
def load(documents: Path) -> Load:
    """A page, counted from 0, of an outside scan as the render workers draw it."""

    def page(name: str, index: int = 0) -> Pixels:
        path = documents / "scans" / name
        media_type = {".pdf": "application/pdf", ".png": "image/png"}[path.suffix]
        limits = RenderLimits(dpi=200, max_page_pixels=12_000_000, max_source_pixels=300_000_000)
        opened = open_document(path, media_type, None, limits)
        size = opened.measure(index, None)
        pixels = np.empty((size.height_px, size.width_px, 3), np.uint8)
        opened.render(index, size, pixels)
        opened.close()
        return pixels

    return page


def letter(lines: tuple[str, ...] = LETTER, size: int = 28) -> Pixels:
    image = Image.new("RGB", (700, 60 + 2 * size * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(lines):
        draw.text((40, 40 + 2 * size * number), text, "black", ImageFont.load_default(size))
    return np.asarray(image)


def read(reader: PPOCRReader, pixels: Pixels) -> PageText:
    return read_pages(reader, [pixels])[0]


def texts(page: PageText) -> list[str]:
    return [line.text for line in page.lines]


def test_drawn_lines_are_read(reader: PPOCRReader) -> None:
    page = read(reader, letter())
    assert texts(page) == list(LETTER)
    assert page.rotation_degrees == 0
    assert all(line.confidence > 0.9 for line in page.lines)


@pytest.mark.parametrize("clockwise_degrees", [90, 180, 270])
def test_a_page_that_lies_on_its_side_or_head(reader: PPOCRReader, clockwise_degrees: int) -> None:
    """`clockwise_degrees` is the turn that sets the page upright again."""
    upright = letter()
    lying = np.ascontiguousarray(np.rot90(upright, clockwise_degrees // 90))
    page = read(reader, lying)
    assert texts(page) == list(LETTER)
    assert page.rotation_degrees == clockwise_degrees
    assert_polygons_show_their_text(reader, lying, page)


def assert_polygons_show_their_text(reader: PPOCRReader, pixels: Pixels, page: PageText) -> None:
    """Cuts each polygon from its own top left on: upright, it must hold the line's text alone."""
    source = Image.fromarray(pixels)
    for line in page.lines:
        top_left, top_right, _, bottom_left = line.polygon
        width = round(np.hypot(top_right.x - top_left.x, top_right.y - top_left.y))
        height = round(np.hypot(bottom_left.x - top_left.x, bottom_left.y - top_left.y))
        across = ((top_right.x - top_left.x) / width, (top_right.y - top_left.y) / width)
        down = ((bottom_left.x - top_left.x) / height, (bottom_left.y - top_left.y) / height)
        place = (across[0], down[0], top_left.x, across[1], down[1], top_left.y)
        cut = source.transform((width, height), Image.Transform.AFFINE, place, Image.Resampling.BILINEAR)
        framed = Image.new("RGB", (width + 80, height + 80), "white")
        framed.paste(cut, (40, 40))
        assert texts(read(reader, np.asarray(framed))) == [line.text]


def test_two_columns_are_read_one_after_the_other(reader: PPOCRReader) -> None:
    sides = [[f"The {side} column, line {number}" for number in range(5)] for side in ("first", "second")]
    image = Image.new("RGB", (1000, 420), "white")
    draw = ImageDraw.Draw(image)
    for column, lines in enumerate(sides):
        for number, text in enumerate(lines):
            place = (40 + 500 * column, 40 + 44 * number + 9 * column)
            draw.text(place, text, "black", ImageFont.load_default(28))
    page = read(reader, np.asarray(image))
    assert texts(page) == [text for lines in sides for text in lines]
    assert page.text == "\n\n".join("\n".join(lines) for lines in sides)


def test_a_page_reads_the_same_alone_and_in_company(reader: PPOCRReader) -> None:
    pages = [letter(), letter(LETTER[::-1], size=24), letter(LETTER[:2], size=40), letter(LETTER[2:])]
    together = [page.text for page in read_pages(reader, pages)]
    assert together == [read(reader, page).text for page in pages]
    assert together[0] == "\n".join(LETTER)


def test_outside_pages_read_the_same_alone_and_in_company(reader: PPOCRReader, documents: Path) -> None:
    files = sorted((documents / "receipts").glob("*.jpg"))[:3]
    pages = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    assert [page.text for page in read_pages(reader, pages)] == [read(reader, page).text for page in pages]


def test_a_blank_page_has_no_lines(reader: PPOCRReader) -> None:
    page = read(reader, np.full((1100, 850, 3), 255, np.uint8))
    assert (page.text, page.lines, page.blocks, page.rotation_degrees) == ("", (), (), 0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (1, 32_000), (31, 33)], ids=str)
@pytest.mark.parametrize("fill", ["black", "noise"])
def test_odd_shapes_do_no_harm(reader: PPOCRReader, shape: tuple[int, int], fill: str) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    if fill == "noise":
        pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    page = read(reader, pixels)
    for point in (point for line in page.lines for point in line.polygon):
        assert 0 <= point.x <= shape[1] and 0 <= point.y <= shape[0]


def test_a_small_picture_of_one_line(reader: PPOCRReader) -> None:
    image = Image.new("RGB", (260, 40), "white")
    ImageDraw.Draw(image).text((8, 8), "Total 1,234.50", "black", ImageFont.load_default(22))
    assert read(reader, np.asarray(image)).text == "Total 1,234.50"


def test_small_print_is_searched_on_a_larger_canvas(reader: PPOCRReader) -> None:
    image = Image.new("RGB", (2480, 3508), "white")
    draw = ImageDraw.Draw(image)
    lines = [f"Clause {number}: the parties agree on the price of {number}." for number in range(100, 160)]
    for number, text in enumerate(lines):
        draw.text((150, 150 + 40 * number), text, "black", ImageFont.load_default(20))
    steps = reader.read(np.asarray(image))
    first = next(steps)[0]
    lane = reader.lanes[first.lane]
    output = lane.post(lane.device(lane.pre(first.canvas, [first.payload])), [first.payload])
    second = steps.send(output)[0]
    assert second.lane == "detection" and second.canvas.pixels > 2 * first.canvas.pixels
    assert character_error_rate(read(reader, np.asarray(image)).text, "\n".join(lines)) < 0.02


def test_the_canvas_depends_on_the_page_alone(reader: PPOCRReader) -> None:
    (item,) = next(reader.read(letter()))
    (enlarged,) = next(reader.read(np.repeat(np.repeat(letter(), 2, axis=0), 2, axis=1)))
    assert item.canvas == enlarged.canvas
    assert reader.lanes[item.lane].max_items(item.canvas) >= 1


LINN_PAGES = [
    ("linn.png", 0, 0),
    ("linn.pdf", 0, 0),
    ("skew.pdf", 0, 0),
    ("rotated_skew.pdf", 0, 0),
    ("cardinal.pdf", 1, 270),
    ("cardinal.pdf", 2, 180),
    ("cardinal.pdf", 3, 90),
]


@pytest.mark.parametrize(("name", "index", "degrees"), LINN_PAGES)
def test_linn_is_read_in_both_columns_whichever_way_up(
    reader: PPOCRReader, documents: Path, load: Load, name: str, index: int, degrees: int
) -> None:
    truth = (documents / "scans" / "linn.txt").read_text()
    page = read(reader, load(name, index))
    assert page.rotation_degrees == degrees
    assert character_error_rate(page.text, truth) < 0.02


def test_the_loaded_reader_says_which_model_it_is(default_model: Path) -> None:
    reader = load_reader(default_model, Settings.from_environ({"QUIRE_PRECISION": "fp32"}))
    assert reader.precision.value == "fp32"
    assert reader.device_class
    assert reader.info.name and reader.info.revision
    reader.warm_up()
