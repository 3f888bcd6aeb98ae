"""Real files: each ends in pages or in a typed error, and each layer gets the verdict that eyes gave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire.rendering.documents import RenderLimits
from quire.rendering.layers import read_layer
from quire.rendering.opening import open_document
from quire.rendering.sniffing import sniff_media_type
from quire.words.errors import DocumentError, UnsupportedMediaType
from quire.words.request import TextMode
from tests.rendering.pages import drawn_as, opened

SMALL = RenderLimits(dpi=50, max_page_pixels=500_000, max_source_pixels=300_000_000)
AS_SERVED = RenderLimits(dpi=200, max_page_pixels=12_000_000, max_source_pixels=300_000_000)

NOT_PAGES = {
    "pdfs/issue9105_other.pdf": "document_unreadable",
    "pdfs/poppler-742-0-fuzzed.pdf": "document_unreadable",
    "pdfs/print_protection.pdf": "document_encrypted",
    "scans/invalid.pdf": "document_unreadable",
    "scans/linn.txt": "unsupported_media_type",
}


def outcome(path: Path) -> str:
    """`pages`, or the code of the error that the document or its first failing page ends in."""
    try:
        document = open_document(path, sniff_media_type(path, None), None, SMALL)
    except (DocumentError, UnsupportedMediaType) as error:
        return error.code
    try:
        for index in range(document.num_pages):
            size = document.measure(index, None)
            read_layer(document, index, size, TextMode.AUTO)
            drawn_as(document, size, index)
    except DocumentError as error:
        return error.code
    finally:
        document.close()
    return "pages"


@pytest.mark.parametrize("folder", ["pdfs", "scans"])
def test_every_document_ends_in_pages_or_in_the_error_it_deserves(documents: Path, folder: str) -> None:
    outcomes = {f"{folder}/{path.name}": outcome(path) for path in sorted((documents / folder).iterdir())}
    assert len(outcomes) > 40
    others = {name: code for name, code in outcomes.items() if code != "pages"}
    assert others == {name: code for name, code in NOT_PAGES.items() if name.startswith(folder)}


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("pdfs/issue14130.pdf", "The document you are trying to load requires Adobe Reader 8"),
        ("pdfs/issue16063.pdf", "電線接続端子部が次のいずれにも該当しないとき。"),
        ("pdfs/issue840.pdf", "Download Festival 2009 Timetable"),
        ("pdfs/issue10640.pdf", "LATEX support for Open Sans"),
        ("pdfs/bug1175962.pdf", "𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏"),
        ("pdfs/issue7074_reduced.pdf", "Our 2015 Graduates"),
        ("pdfs/issue4304.pdf", "Words that should have spaces between them."),
        ("pdfs/bug1019475_1.pdf", "Introduction"),
        ("pdfs/issue12504.pdf", "hello textfield:"),
        ("scans/tagged.pdf", "Table of Contents"),
    ],
)
def test_a_born_digital_page_is_trusted(documents: Path, name: str, begins: str) -> None:
    document = opened(documents / name, AS_SERVED)
    page = read_layer(document, 0, document.measure(0, None), TextMode.AUTO)
    assert page is not None
    assert page.lines[0].text.startswith(begins)


def test_letters_of_one_ligature_stay_in_their_word(documents: Path) -> None:
    document = opened(documents / "pdfs" / "issue14438.pdf", AS_SERVED)
    page = read_layer(document, 0, document.measure(0, None), TextMode.LAYER)
    assert page is not None
    assert "Dynamic languages such as JavaScript are more difficult to com-" in page.text


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("pdfs/issue12963.pdf", "a scan of Russian with a layer of Latin nonsense, visible"),
        ("pdfs/issue9972-1.pdf", "tables that are pictures amid true text"),
        ("pdfs/issue17492.pdf", "filled form fields are not in the layer"),
        ("pdfs/pr12828.pdf", "filled form fields are not in the layer"),
        ("pdfs/annotation-freetext.pdf", "a free text is not in the layer"),
        ("pdfs/bug1755507.pdf", "words of the ground's own colour"),
        ("pdfs/issue12007_reduced.pdf", "a picture of a credit card, with a caption"),
        ("pdfs/issue5747.pdf", "an invisible layer"),
        ("pdfs/bug1365930.pdf", "a plus sign without a meaning"),
        ("scans/cmyk.pdf", "UTF-16 in the wrong order"),
        ("scans/graph_ocred.pdf", "an OCR layer under a picture"),
        ("scans/link.pdf", "a map with place names in it"),
        ("scans/truetype_font_nomapping.pdf", "a font without a mapping"),
        ("scans/type3_font_nomapping.pdf", "a font without a mapping"),
        ("scans/vector.pdf", "letters drawn as outlines"),
        ("scans/linn.pdf", "a plain scan"),
    ],
)
def test_a_layer_that_lies_or_lacks_is_not_trusted(documents: Path, name: str, because: str) -> None:
    document = opened(documents / name, AS_SERVED)
    assert read_layer(document, 0, document.measure(0, None), TextMode.AUTO) is None, because
