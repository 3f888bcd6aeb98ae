"""Each reason for which a layer is not trusted: by its numbers, and on a page made to give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest

from quire.rendering.layer_trust import (
    Doubt,
    count_characters,
    doubt_characters,
    doubt_ink,
    doubt_pictures,
)
from quire.rendering.layers import read_layer
from quire.rendering.pdf_layer import judge_layer
from quire.rendering.pdf_pictures import page_pictures
from quire.words.reading import PageSize
from quire.words.request import TextMode
from tests.fakes.handmade_pdf import FIRST_EXTRA_OBJECT, grey_picture, handmade_pdf, text_at
from tests.rendering.pages import opened

PROSE = "The quick brown fox jumps over the lazy dog"
FIVE_ROWS = b"".join(text_at(20, 370 - 20 * row, PROSE) for row in range(5))
TEN_ROWS = b"".join(text_at(20, 270 - 20 * row, PROSE) for row in range(10))
OUTLINED_LETTERS = b"".join(
    b"%d %d 1 7 re f %d %d 5 1 re f\n" % (20 + 8 * column, 30 + 20 * row, 20 + 8 * column, 36 + 20 * row)
    for column in range(40)
    for row in range(3)
)
"""Some 120 marks of a letter's size that no text layer knows."""

FREE_TEXT = (
    b"<< /Type /Annot /Subtype /FreeText /Rect [20 20 200 60] /F 4 /DA (/F1 12 Tf) /Contents (paid) >>"
)
HIDDEN_FREE_TEXT = FREE_TEXT.replace(b"/F 4", b"/F 2")
PICTURE: dict[str, Any] = {"xobjects": f"/P {FIRST_EXTRA_OBJECT} 0 R", "extra": [grey_picture(1, 1, b"\xff")]}
ANNOTATED: dict[str, Any] = {"page": f"/Annots [{FIRST_EXTRA_OBJECT} 0 R]"}

PAGES: dict[str, tuple[bytes, dict[str, Any], Doubt | None]] = {
    "prose": (FIVE_ROWS, {}, None),
    "a picture beneath": (b"q 400 0 0 300 0 0 cm /P Do Q\n" + FIVE_ROWS, PICTURE, Doubt.PICTURES),
    "a picture on half": (b"q 400 0 0 200 0 0 cm /P Do Q\n" + FIVE_ROWS, PICTURE, None),
    "nothing visible": (b"3 Tr\n" + FIVE_ROWS, {}, Doubt.NO_TEXT),
    "shifted by a constant": (
        b"".join(text_at(20, 300 - 20 * row, r"WKH TXLFN EURZQ IR[ MXPSV RYHU WKH GRJ") for row in range(4)),
        {},
        Doubt.GIBBERISH,
    ),
    "symbols": (text_at(20, 300, "#$%&/!?+<>"), {}, Doubt.GIBBERISH),
    "unmapped": (text_at(20, 300, r"quire\001\002\003\004"), {}, Doubt.UNMAPPED),
    "white on white": (FIVE_ROWS + b"1 1 1 rg\n" + TEN_ROWS, {}, Doubt.UNSEEN),
    "covered": (FIVE_ROWS + TEN_ROWS + b"0.9 g 0 0 400 280 re f", {}, Doubt.UNSEEN),
    "white on black": (b"0 g 0 0 400 400 re f 1 g\n" + FIVE_ROWS, {}, None),
    "outlined letters": (text_at(20, 380, "copy") + OUTLINED_LETTERS, {}, Doubt.FOREIGN_INK),
    "white outlined letters": (
        text_at(20, 380, "copy") + b"0 g 0 0 400 150 re f 1 g\n" + OUTLINED_LETTERS,
        {},
        Doubt.FOREIGN_INK,
    ),
    "mostly outside": (text_at(20, 300, PROSE) + text_at(20, 900, PROSE), {}, Doubt.OUTSIDE),
    "a free text": (FIVE_ROWS, {**ANNOTATED, "extra": [FREE_TEXT]}, Doubt.ANNOTATIONS),
    "a hidden free text": (FIVE_ROWS, {**ANNOTATED, "extra": [HIDDEN_FREE_TEXT]}, None),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_gets_the_doubt_it_gives_cause_for(tmp_path: Path, name: str) -> None:
    content, entries, doubt = PAGES[name]
    path = tmp_path / "document.pdf"
    path.write_bytes(handmade_pdf(content, media_box="0 0 400 400", **entries))
    size = PageSize(width_px=400, height_px=400, dpi=72.0)
    with pdfium.PdfDocument(path) as file:
        page = file[0]
        judged = judge_layer(page, size, page_pictures(page))
    assert judged.doubt is doubt
    assert bool(judged.lines) == (doubt is None)
    document = opened(path)
    assert (read_layer(document, 0, size, TextMode.AUTO) is None) == (doubt is not None)
    assert read_layer(document, 0, size, TextMode.LAYER), "text=layer trusts whatever there is"


def characters_doubt(text: str, num_outside: int = 0) -> Doubt | None:
    """Doubt of letters; a middle dot stands for a character without a meaning."""
    return doubt_characters(
        count_characters(["" if letter == "·" else letter for letter in text], num_outside)
    )


@pytest.mark.parametrize(
    ("text", "num_outside", "doubt"),
    [
        ("", 0, Doubt.NO_TEXT),
        ("··", 0, Doubt.NO_TEXT),
        ("", 5, Doubt.NO_TEXT),
        ("quire" * 20 + "···", 0, None),
        ("quire" * 20 + "····", 0, Doubt.UNMAPPED),
        ("quire" * 20, 11, None),
        ("quire" * 20, 12, Doubt.OUTSIDE),
        ("1,20" * 10, 0, None),
        ("1,+-" * 10, 0, Doubt.GIBBERISH),
        ("Contents" + "." * 200 + "1", 0, None),
        ("bcdf" * 9, 0, None),
        ("bcdf" * 10, 0, Doubt.GIBBERISH),
        ("bcda" * 10, 0, None),
        ("電線接続端子部が次のいずれにも", 0, None),
        ("quire" + "".join(chr(ord(letter) << 8) for letter in "MulticolorBlack"), 0, Doubt.UNMAPPED),
        ("được những người khác biết đến" * 3, 0, None),
    ],
)
def test_doubts_about_characters(text: str, num_outside: int, doubt: Doubt | None) -> None:
    assert characters_doubt(text, num_outside) is doubt


@pytest.mark.parametrize(("covered", "doubt"), [(0.0, None), (0.6, None), (0.61, Doubt.PICTURES)])
def test_doubts_about_pictures(covered: float, doubt: Doubt | None) -> None:
    assert doubt_pictures(covered) is doubt


@pytest.mark.parametrize(
    ("under_lines", "foreign", "unseen_share", "doubt"),
    [
        (900, 100, 0.10, None),
        (900, 101, 0.00, Doubt.FOREIGN_INK),
        (900, 0, 0.11, Doubt.UNSEEN),
        (0, 0, 0.0, None),
    ],
)
def test_doubts_about_ink(under_lines: int, foreign: int, unseen_share: float, doubt: Doubt | None) -> None:
    assert doubt_ink(under_lines, foreign, unseen_share) is doubt
