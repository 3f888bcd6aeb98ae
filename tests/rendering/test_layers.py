"""Text layers: what they say, where it stands, and when they may stand for what is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from quire.rendering.documents import OpenDocument
from quire.rendering.layers import read_layer
from quire.words.errors import NoTextLayer
from quire.words.reading import PageText, TextSource
from quire.words.request import TextMode
from tests.fakes.handmade_pdf import FIRST_EXTRA_OBJECT, grey_picture, handmade_pdf, stream, text_at
from tests.rendering.pages import opened

PROSE = "The quick brown fox jumps over the lazy dog"
A_PICTURE = f"/P {FIRST_EXTRA_OBJECT} 0 R"
WHITE_PICTURE = grey_picture(1, 1, b"\xff")
FIVE_ROWS, TEN_ROWS = (
    b"".join(text_at(20, 370 - 20 * row, PROSE) for row in rows) for rows in (range(5), range(5, 15))
)
ROWS = FIVE_ROWS + TEN_ROWS


def page_of(place: Path, content: bytes, **entries: Any) -> OpenDocument:
    path = place / "document.pdf"
    path.write_bytes(handmade_pdf(content, media_box="0 0 400 400", **entries))
    return opened(path)


def layer(
    document: OpenDocument, mode: TextMode, page_index: int = 0, dpi: int | None = 72
) -> PageText | None:
    return read_layer(document, page_index, document.measure(page_index, dpi), mode)


def texts(page: PageText | None) -> list[str]:
    return [line.text for line in page.lines] if page else []


def test_a_born_digital_page_is_read_from_its_layer(tmp_path: Path) -> None:
    page = layer(page_of(tmp_path, ROWS), TextMode.AUTO)
    assert page is not None
    assert texts(page) == [PROSE] * 15
    assert page.source is TextSource.LAYER
    assert page.text.split() == PROSE.split() * 15
    assert page.blocks == (), "blocks are made by the layout room"
    assert all(line.confidence == 1.0 for line in page.lines)


def test_ocr_never_asks_for_the_layer(tmp_path: Path) -> None:
    assert layer(page_of(tmp_path, ROWS), TextMode.OCR) is None


@pytest.mark.parametrize("mode", [TextMode.AUTO, TextMode.LAYER])
def test_polygons_lie_where_the_text_is_seen(tmp_path: Path, mode: TextMode) -> None:
    page = layer(page_of(tmp_path, text_at(50, 300, "Hxg", size=20)), mode, dpi=144)
    assert page is not None
    left, top = page.lines[0].polygon[0].x, page.lines[0].polygon[0].y
    right, bottom = page.lines[0].polygon[2].x, page.lines[0].polygon[2].y
    assert 98 <= left <= 106
    assert 160 <= right <= 176
    assert 155 <= top <= 175, "the letters' tops are 14 points above the base line, at 172"
    assert 204 <= bottom <= 216, "the g reaches 4 points below the base line, to 208"


@pytest.mark.parametrize(
    ("degrees", "x_grows", "y_grows"), [(0, 1, 0), (90, 0, -1), (180, -1, 0), (270, 0, 1)]
)
def test_turned_text_has_a_polygon_that_runs_with_it(
    tmp_path: Path, degrees: int, x_grows: int, y_grows: int
) -> None:
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    content = f"BT /F1 12 Tf {cosine} {sine} {-sine} {cosine} 200 200 Tm ({PROSE[:19]}) Tj ET".encode()
    page = layer(page_of(tmp_path, content), TextMode.LAYER)
    assert texts(page) == [PROSE[:19]]
    assert page is not None
    one, two, _, four = page.lines[0].polygon
    assert ((two.x > one.x + 50) - (two.x < one.x - 50), (two.y > one.y + 50) - (two.y < one.y - 50)) == (
        x_grows,
        y_grows,
    )
    assert page.rotation_degrees == degrees, "what was turned counterclockwise is turned back"
    down = (four.x - one.x, four.y - one.y)
    assert down[0] == pytest.approx(-y_grows * 13, abs=5)
    assert down[1] == pytest.approx(x_grows * 13, abs=5)


def test_slanted_text_is_one_line_with_a_slanted_polygon(tmp_path: Path) -> None:
    content = f"BT /F1 12 Tf 0.866 0.5 -0.5 0.866 50 50 Tm ({PROSE}) Tj ET".encode()
    page = layer(page_of(tmp_path, content), TextMode.AUTO)
    assert page is not None
    assert texts(page) == [PROSE]
    one, two, _, _ = page.lines[0].polygon
    assert (one.y - two.y) / (two.x - one.x) == pytest.approx(0.577, abs=0.03)


def test_rotate_turns_the_polygons_too(tmp_path: Path) -> None:
    page = layer(page_of(tmp_path, text_at(50, 300, PROSE), page="/Rotate 90"), TextMode.LAYER)
    assert page is not None
    one, two, _, _ = page.lines[0].polygon
    assert one.x == pytest.approx(two.x, abs=1)
    assert two.y > one.y + 200
    assert one.y == pytest.approx(50, abs=3)


def test_far_columns_are_lines_of_their_own(tmp_path: Path) -> None:
    content = text_at(20, 300, "left words") + text_at(250, 300, "right words")
    assert texts(layer(page_of(tmp_path, content), TextMode.AUTO)) == ["left words", "right words"]


def test_a_raised_figure_does_not_cut_its_line(tmp_path: Path) -> None:
    content = b"BT /F1 12 Tf 20 300 Td (E = mc) Tj 10 Ts /F1 8 Tf (2) Tj 0 Ts /F1 12 Tf ( is known) Tj ET"
    assert "E = mc is known" in texts(layer(page_of(tmp_path, content), TextMode.AUTO))


def test_a_figure_off_the_base_line_stands_in_its_word(tmp_path: Path) -> None:
    content = b"BT /F1 12 Tf 20 300 Td (H) Tj 6 Ts /F1 8 Tf (2) Tj 0 Ts /F1 12 Tf (O is water) Tj ET"
    assert texts(layer(page_of(tmp_path, content), TextMode.AUTO)) == ["H2O is water"]


def test_small_text_beside_a_giant_letter_is_a_line_of_its_own(tmp_path: Path) -> None:
    content = text_at(10, 100, "A", size=300) + text_at(250, 150, "small")
    assert texts(layer(page_of(tmp_path, content), TextMode.LAYER)) == ["A", "small"]


def test_right_to_left_text_is_one_line_in_the_order_of_speech(tmp_path: Path) -> None:
    mapping = b"3 beginbfchar\n<41> <05D0>\n<42> <05D1>\n<43> <05D2>\nendbfchar\n"
    mapping += b"1 beginbfrange\n<20> <39> <0020>\nendbfrange\n"
    document = page_of(
        tmp_path, text_at(20, 300, "CBA 123 AABC"), font="/ToUnicode 6 0 R", extra=[stream("", mapping)]
    )
    assert texts(layer(document, TextMode.AUTO)) == ["גבאא 123 אבג"]


def test_ligatures_are_spelt_out(tmp_path: Path) -> None:
    mapping = b"1 beginbfchar\n<01> <FB03>\nendbfchar\n1 beginbfrange\n<20> <7e> <0020>\nendbfrange\n"
    to_unicode = stream("", mapping)
    content = text_at(20, 300, r"o\001ce")
    document = page_of(tmp_path, content, font="/ToUnicode 6 0 R", extra=[to_unicode])
    assert texts(layer(document, TextMode.LAYER)) == ["office"]


def test_a_scan_with_an_ocr_layer_is_read_anew(tmp_path: Path) -> None:
    content = b"q 400 0 0 400 0 0 cm /P Do Q\n" + b"3 Tr\n" + ROWS
    document = page_of(tmp_path, content, xobjects=A_PICTURE, extra=[WHITE_PICTURE])
    assert layer(document, TextMode.AUTO) is None
    assert texts(layer(document, TextMode.LAYER)) == [PROSE] * 15


@pytest.mark.parametrize("mode", ["3", "7"])
def test_text_in_an_invisible_render_mode_is_no_layer_for_auto(tmp_path: Path, mode: str) -> None:
    document = page_of(tmp_path, f"{mode} Tr\n".encode() + ROWS)
    assert layer(document, TextMode.AUTO) is None
    assert texts(layer(document, TextMode.LAYER)) == [PROSE] * 15


@pytest.mark.parametrize(
    "extra",
    [
        b"0.5 w 10 10 380 380 re S 10 200 m 390 200 l S",
        b"0.2 0.4 0.9 rg 0 390 400 10 re f",
        b"q 60 0 0 40 330 350 cm /P Do Q",
        b"BT 3 Tr /F1 12 Tf 20 20 Td (an invisible line) Tj ET",
    ],
    ids=["rules", "a coloured bar", "a small picture", "one invisible line"],
)
def test_ornaments_do_not_shake_trust(tmp_path: Path, extra: bytes) -> None:
    document = page_of(tmp_path, ROWS + extra, xobjects=A_PICTURE, extra=[WHITE_PICTURE])
    assert texts(layer(document, TextMode.AUTO)) == [PROSE] * 15


def filled_form(place: Path, value: str) -> OpenDocument:
    appearance = stream("/Type /XObject /Subtype /Form /BBox [0 0 50 20]", b"")
    field = (
        f"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /V ({value}) /F 4 "
        "/Rect [9 9 59 29] /AP << /N 6 0 R >> >>"
    )
    return page_of(
        place,
        ROWS,
        page="/Annots [7 0 R]",
        catalog="/AcroForm << /Fields [7 0 R] >>",
        extra=[appearance, field.encode()],
    )


def test_a_filled_form_is_read_by_ocr_and_an_empty_one_from_its_layer(tmp_path: Path) -> None:
    assert layer(filled_form(tmp_path, "Ada"), TextMode.AUTO) is None
    assert texts(layer(filled_form(tmp_path, ""), TextMode.AUTO)) == [PROSE] * 15


def test_a_page_without_any_text_has_no_layer(tmp_path: Path) -> None:
    document = page_of(tmp_path, b"0 0 50 50 re f")
    assert layer(document, TextMode.AUTO) is None
    with pytest.raises(NoTextLayer, match="page 1"):
        layer(document, TextMode.LAYER)


def test_an_image_has_no_layer(tmp_path: Path) -> None:
    Image.new("L", (30, 30), 255).save(tmp_path / "page.png")
    document = opened(tmp_path / "page.png")
    assert layer(document, TextMode.AUTO) is None
    with pytest.raises(NoTextLayer):
        layer(document, TextMode.LAYER)
