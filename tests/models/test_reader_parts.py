"""The steps between page and text that need no network: canvases, regions, cutting, decoding, turning."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from quire.engine.port import Canvas, Pixels
from quire.models.device_side.cpu import CpuSide
from quire.models.ppocr.canvases import (
    DETECTION_CANVASES,
    LINE_CANVASES,
    dense_page_canvas,
    line_canvas,
    page_canvas,
)
from quire.models.ppocr.decoding import Decoder, Reading
from quire.models.ppocr.orientation import are_sideways, certainty, possible_turns
from quire.models.ppocr.page_images import DevicePage, HostPage
from quire.models.ppocr.quads import PageView, Quads, heights, polygons_within, turned, widths
from quire.models.ppocr.regions import Probabilities, find_regions

SIDES = st.integers(1, 32_767)


def quad(left: float, top: float, right: float, bottom: float) -> Quads:
    return np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]])


@given(SIDES, SIDES)
def test_every_page_has_a_canvas_of_its_aspect(height: int, width: int) -> None:
    for canvas in (page_canvas(height, width), dense_page_canvas(height, width)):
        assert canvas in DETECTION_CANVASES
        assert canvas.height % 32 == canvas.width % 32 == 0
        if 0.25 <= height / width <= 4:
            stretch = (canvas.height / canvas.width) / (height / width)
            assert 1 / 1.3 < stretch < 1.3


def test_canvases_are_few() -> None:
    assert len({page_canvas(height, 1000) for height in range(700, 6000)}) <= 7
    assert len(LINE_CANVASES) == 19


def test_a_small_picture_is_not_blown_up() -> None:
    assert page_canvas(48, 160).pixels < 100_000 < page_canvas(1000, 700).pixels
    assert page_canvas(1000, 700) == page_canvas(4000, 2800)


@given(st.floats(1, 500), st.floats(1, 5000))
def test_a_line_is_stretched_by_an_eighth_at_most(height: float, width: float) -> None:
    canvas = line_canvas(height, width)
    natural = 48 * width / height
    assert canvas.height == 48
    if 64 <= natural <= 3200:
        assert 1 / 1.13 < canvas.width / natural < 1.13


def probabilities_of(rectangles: list[tuple[int, int, int, int]]) -> Probabilities:
    heat = np.zeros((320, 640), np.uint8)
    for left, top, right, bottom in rectangles:
        heat[top:bottom, left:right] = 230
    return heat


def test_regions_are_grown_cores_in_page_pixels() -> None:
    found = find_regions(probabilities_of([(100, 50, 300, 60)]), PageView(640, 640))
    assert found.core_px == pytest.approx(10)
    left, top = found.quads[0, 0]
    right, bottom = found.quads[0, 2]
    assert left < 100 < 300 < right
    assert top < 2 * 50 < 2 * 60 < bottom
    assert (left + right) / 2 == pytest.approx(200, abs=0.5)
    assert (top + bottom) / 2 == pytest.approx(110, abs=0.5)


def test_specks_and_faint_places_are_no_regions() -> None:
    heat = probabilities_of([(10, 10, 70, 12)])
    heat[100:110, 100:300] = 102
    assert len(find_regions(heat, PageView(320, 640)).quads) == 0
    assert find_regions(np.zeros((32, 32), np.uint8), PageView(1, 1)).core_px == 0.0


def test_a_skewed_line_has_a_skewed_region() -> None:
    heat = np.zeros((320, 640), np.uint8)
    cv2.line(heat, (50, 100), (450, 170), 230, 9)
    found = find_regions(heat, PageView(320, 640)).quads
    across, down = found[0, 1] - found[0, 0]
    assert np.degrees(np.arctan2(down, across)) == pytest.approx(np.degrees(np.arctan2(70, 400)), abs=1)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_what_a_turned_view_shows_lies_where_it_is_on_the_page(quarters: int) -> None:
    page = np.zeros((100, 200, 3), np.uint8)
    page[20:30, 150:180] = 255
    view = PageView(100, 200, quarters)
    seen = np.rot90(page, -quarters)
    rows, columns = np.nonzero(seen[..., 0])
    place = quad(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    on_page = view.onto_page(place)[0]
    assert on_page.min(axis=0) == pytest.approx([150, 20])
    assert on_page.max(axis=0) == pytest.approx([180, 30])
    shown = HostPage(page).cut(view.frame(), Canvas(view.height, view.width))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(shown, seen)


def scene() -> Pixels:
    image = Image.new("RGB", (301, 207), (250, 240, 230))
    draw = ImageDraw.Draw(image)
    for number in range(40):
        draw.ellipse(
            (7 * number, 5 * number, 7 * number + 31, 5 * number + 17),
            fill=(6 * number, 90, 255 - 6 * number),
        )
    return np.asarray(image)


@pytest.mark.parametrize("canvas", [Canvas(48, 64), Canvas(48, 304), Canvas(207, 301)], ids=str)
def test_both_twins_cut_alike(canvas: Canvas) -> None:
    page = scene()
    tilted = np.array([[[30.0, 40.0], [200.0, 70.0], [191.0, 121.0], [21.0, 91.0]]])
    quads = np.concatenate([quad(10, 20, 110, 50), tilted, turned(tilted, 1), quad(0, 0, 301, 207)])
    host = HostPage(page).cut(quads, canvas).int()
    device = DevicePage(page, CpuSide()).cut(quads, canvas).int()
    assert host.shape == device.shape == (4, 3, canvas.height, canvas.width)
    difference = (host - device).abs()
    # OpenCV rounds places to a 32nd of a pixel.
    assert difference.float().mean() < 0.6
    assert difference.max() <= 24


def test_the_whole_page_on_its_own_size_is_the_page() -> None:
    page = scene()
    for placed in (HostPage(page), DevicePage(page, CpuSide())):
        cut = placed.cut(PageView(207, 301).frame(), Canvas(207, 301))
        assert np.array_equal(cut[0].permute(1, 2, 0).numpy(), page)


def test_fine_detail_is_averaged_where_a_page_is_reduced() -> None:
    noise = np.random.default_rng(5).choice(np.array([0, 255], np.uint8), (640, 640, 3))
    for placed in (HostPage(noise), DevicePage(noise, CpuSide())):
        cut = placed.cut(PageView(640, 640).frame(), Canvas(64, 64))
        assert float(cut.float().std()) < 20


CHARACTERS = ("", "a", "b", "中", "文", " ")


def decoded(classes: list[int], odds: dict[int, float] | None = None) -> Reading:
    space_odds = np.zeros((1, len(classes)), np.float32)
    for step, value in (odds or {}).items():
        space_odds[0, step] = value
    confidences = np.linspace(0.5, 1.0, len(classes), dtype=np.float32)[None]
    return Decoder(CHARACTERS).decode(np.array([classes]), confidences, space_odds)[0]


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([0, 0, 0], ""),
        ([1, 1, 0, 2], "ab"),
        ([1, 0, 1], "aa"),
        ([1, 5, 2], "a b"),
        ([5, 1, 5, 0, 5, 2, 5], "a b"),
        ([5, 5], ""),
    ],
)
def test_runs_are_one_character_and_blanks_none(classes: list[int], text: str) -> None:
    assert decoded(classes).text == text


def test_a_likely_space_between_characters_is_a_space() -> None:
    assert decoded([1, 0, 0, 2], {2: 0.3}).text == "a b"
    assert decoded([1, 0, 0, 2], {2: 0.05}).text == "ab"
    assert decoded([0, 1, 2, 0], {0: 0.9, 1: 0.9, 2: 0.9, 3: 0.9}).text == "ab"
    assert decoded([1, 5, 0, 2], {1: 1.0, 2: 0.9}).text == "a b"
    assert decoded([3, 0, 4], {1: 0.3}).text == "中文"


def test_confidence_is_the_mean_over_characters() -> None:
    assert decoded([1, 0, 0, 0, 2]).confidence == pytest.approx(0.75)
    assert decoded([0, 0]) == Reading("", 0.0)


def test_long_tall_shapes_mean_a_page_on_its_side() -> None:
    lying, level, letter = quad(0, 0, 20, 400), quad(0, 0, 300, 20), quad(0, 0, 10, 18)
    assert are_sideways(np.concatenate([lying, lying, level]))
    assert not are_sideways(np.concatenate([level, level, lying]))
    assert not are_sideways(np.concatenate([level, *[letter] * 8]))
    assert not are_sideways(np.zeros((0, 4, 2)))
    assert possible_turns(np.concatenate([level, letter, lying])) == [(0,), (0, 1, 3), (1, 3)]


def test_turning_four_times_changes_nothing() -> None:
    place = quad(0, 0, 300, 20)
    assert (widths(turned(place, 1))[0], heights(turned(place, 1))[0]) == (20, 300)
    assert np.array_equal(turned(turned(place, 1), 3), place)


def test_certainty_weighs_lines_by_their_characters() -> None:
    assert certainty([Reading("abc", 1.0), Reading("d", 0.0)]) == pytest.approx(0.75)
    assert certainty([]) == certainty([Reading("", 0.0)]) == 0.0


def test_polygons_stay_within_the_page() -> None:
    (corners,) = polygons_within(
        np.array([[[-5.0, -1.0], [120.0, 3.0], [119.0, 60.0], [-4.0, 55.0]]]), 50, 100
    )
    assert all(0 <= point.x <= 100 and 0 <= point.y <= 50 for point in corners)
