"""PDF pages: sized within limits, turned as displayed, drawn with their forms, or refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from quire.rendering.documents import RenderLimits
from quire.words.errors import DocumentEncrypted, DocumentUnreadable, PageTooLarge, PageUnreadable
from quire.words.reading import PageSize
from tests.fakes.handmade_pdf import FIRST_EXTRA_OBJECT, grey_picture, handmade_pdf, stream, text_at
from tests.rendering.pages import LIMITS, drawn, drawn_as, opened

RED_BOX_BOTTOM_LEFT = b"1 0 0 rg 0 0 50 50 re f"
"""On a page of 200 × 100 points."""


def pdf_at(place: Path, content: bytes) -> Path:
    path = place / "document.pdf"
    path.write_bytes(content)
    return path


def red_box(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is red."""
    rows, columns = np.nonzero((pixels == (255, 0, 0)).all(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize(
    ("rotation", "shape", "box"),
    [
        (0, (100, 200, 3), (0, 50, 50, 100)),
        (90, (200, 100, 3), (0, 0, 50, 50)),
        (180, (100, 200, 3), (150, 0, 200, 50)),
        (270, (200, 100, 3), (50, 150, 100, 200)),
        (-90, (200, 100, 3), (50, 150, 100, 200)),
    ],
)
def test_rotate_is_obeyed(
    tmp_path: Path, rotation: int, shape: tuple[int, ...], box: tuple[int, int, int, int]
) -> None:
    path = pdf_at(tmp_path, handmade_pdf(RED_BOX_BOTTOM_LEFT, page=f"/Rotate {rotation}"))
    pixels = drawn(opened(path), dpi=72)
    assert pixels.shape == shape
    assert red_box(pixels) == box


def test_the_crop_box_is_the_page(tmp_path: Path) -> None:
    path = pdf_at(tmp_path, handmade_pdf(RED_BOX_BOTTOM_LEFT, page="/CropBox [25 25 125 75]"))
    pixels = drawn(opened(path), dpi=72)
    assert pixels.shape == (50, 100, 3)
    assert red_box(pixels) == (0, 25, 25, 50)


def test_dpi_is_the_requests_or_the_limits(tmp_path: Path) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(b"", media_box="0 0 1200 600")))
    assert document.measure(0, 36) == PageSize(width_px=600, height_px=300, dpi=36.0)
    assert document.measure(0, None).dpi == LIMITS.dpi


def test_a_tiny_page_is_enlarged_unless_its_dpi_was_asked_for(tmp_path: Path) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(b"", media_box="0 0 500 200")))
    assert document.measure(0, None) == PageSize(width_px=1000, height_px=400, dpi=144.0)
    assert document.measure(0, 72) == PageSize(width_px=500, height_px=200, dpi=72.0)


@pytest.mark.parametrize("box", ["0 0 14400 14400", "0 0 1000000 20", "0 0 3 9000000"])
def test_an_enormous_page_is_scaled_to_the_limit(tmp_path: Path, box: str) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(RED_BOX_BOTTOM_LEFT, media_box=box)))
    size = document.measure(0, 600)
    assert 1 <= size.width_px * size.height_px <= LIMITS.max_page_pixels
    assert max(size.width_px, size.height_px) < 2**15
    assert drawn_as(document, size).shape == (size.height_px, size.width_px, 3)


@pytest.mark.parametrize("box", ["0 0 0 0", "0 0 0.0001 0.0001", "0 0 nan inf", "5 5 5 5", "0 0 1e40 1e40"])
def test_an_impossible_page_box_gives_a_page_or_a_typed_error(tmp_path: Path, box: str) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(RED_BOX_BOTTOM_LEFT, media_box=box)))
    try:
        pixels = drawn(document)
    except PageUnreadable:
        return
    assert 0 < pixels.shape[0] * pixels.shape[1] <= LIMITS.max_page_pixels


def test_paper_is_white_and_transparency_lies_on_it(tmp_path: Path) -> None:
    state = b"<< /Type /ExtGState /ca 0.5 >>"
    content = b"/G gs 0 0 0 rg 0 0 100 100 re f"
    path = pdf_at(tmp_path, handmade_pdf(content, extra=[state]))
    written = path.read_bytes().replace(b"/XObject <<", b"/ExtGState << /G 6 0 R >> /XObject <<")
    path.write_bytes(written)
    pixels = drawn(opened(path), dpi=72)
    assert abs(int(pixels[50, 50, 0]) - 128) <= 2
    assert (pixels[50, 150] == 255).all()


def test_form_fields_are_drawn(tmp_path: Path) -> None:
    appearance = stream("/Type /XObject /Subtype /Form /BBox [0 0 50 50]", b"1 0 0 rg 0 0 50 50 re f")
    field = (
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada) /F 4 "
        b"/Rect [100 0 150 50] /AP << /N 6 0 R >> >>"
    )
    path = pdf_at(
        tmp_path,
        handmade_pdf(
            b"", page="/Annots [7 0 R]", catalog="/AcroForm << /Fields [7 0 R] >>", extra=[appearance, field]
        ),
    )
    assert red_box(drawn(opened(path), dpi=72)) == (100, 50, 150, 100)


def test_a_page_is_drawn_straight_into_rows_that_lie_apart(tmp_path: Path) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(RED_BOX_BOTTOM_LEFT)))
    size = document.measure(0, 72)
    arena = np.zeros((size.height_px, size.width_px + 7, 3), np.uint8)
    document.render(0, size, arena[:, : size.width_px])
    assert (arena[:, : size.width_px] == drawn_as(document, size)).all()
    assert not arena[:, size.width_px :].any()


def picture_page(width: int, height: int, bits: bytes = b"8") -> bytes:
    picture = grey_picture(width, height, b"\x00").replace(b"Component 8", b"Component " + bits)
    content = b"q 200 0 0 100 0 0 cm /P Do Q"
    return handmade_pdf(content, xobjects=f"/P {FIRST_EXTRA_OBJECT} 0 R", extra=[picture])


def test_a_picture_that_decodes_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    document = opened(pdf_at(tmp_path, picture_page(30_000, 30_000)))
    size = document.measure(0, 72)
    with pytest.raises(PageTooLarge, match="RGB pixels"):
        drawn_as(document, size)


def test_a_picture_counts_by_the_memory_it_takes(tmp_path: Path) -> None:
    """8000 × 8000 pixels of one bit are 2.7 million pixels of RGB; the limit is 4 million."""
    document = opened(pdf_at(tmp_path, picture_page(8_000, 8_000, bits=b"1")))
    assert drawn(document, dpi=72).shape == (100, 200, 3)


def test_a_page_outside_the_document_is_unreadable(tmp_path: Path) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(b"")))
    with pytest.raises(PageUnreadable, match="page 2"):
        document.measure(1, None)
    with pytest.raises(PageUnreadable, match="page 2"):
        document.render(1, PageSize(width_px=1, height_px=1, dpi=None), np.zeros((1, 1, 3), np.uint8))


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\nnothing else",
        handmade_pdf(b"").replace(b"/Kids [3 0 R] /Count 1", b"/Kids [] /Count 0"),
        handmade_pdf(b"")[:60],
    ],
)
def test_a_hopeless_file_is_unreadable(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DocumentUnreadable):
        opened(pdf_at(tmp_path, content))


def test_a_broken_cross_reference_is_mended(tmp_path: Path) -> None:
    whole = handmade_pdf(RED_BOX_BOTTOM_LEFT)
    path = pdf_at(tmp_path, whole.replace(b"0 n \n", b"7 n \n").replace(b"startxref\n", b"startxref\n9"))
    assert red_box(drawn(opened(path), dpi=72)) == (0, 50, 50, 100)


def test_an_encrypted_document_opens_with_its_password(samples: Path) -> None:
    document = opened(samples / "encrypted.pdf", password="quire")
    assert document.num_pages == 1
    assert drawn(document).min() < 100


@pytest.mark.parametrize(("password", "says"), [(None, "needs a password"), ("wrong", "does not open")])
def test_a_missing_and_a_wrong_password_are_told_apart(
    samples: Path, password: str | None, says: str
) -> None:
    with pytest.raises(DocumentEncrypted, match=says):
        opened(samples / "encrypted.pdf", password=password)


def test_a_password_for_an_open_document_is_ignored(tmp_path: Path) -> None:
    assert opened(pdf_at(tmp_path, handmade_pdf(b"")), password="needless").num_pages == 1


def test_pages_in_any_order_are_drawn_alike(documents: Path) -> None:
    document = opened(
        documents / "scans" / "cardinal.pdf",
        RenderLimits(dpi=36, max_page_pixels=10**6, max_source_pixels=10**8),
    )
    forwards = [drawn(document, index) for index in range(document.num_pages)]
    backwards = [drawn(document, index) for index in reversed(range(document.num_pages))]
    assert all((one == other).all() for one, other in zip(forwards, reversed(backwards), strict=True))


def test_a_closed_document_closes_again(tmp_path: Path) -> None:
    document = opened(pdf_at(tmp_path, handmade_pdf(text_at(10, 10, "closing"))))
    drawn(document)
    document.close()
    document.close()


def test_pages_drawn_before_are_not_kept_in_memory(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    pages = [Image.fromarray(noise.integers(0, 256, (400, 400), np.uint8)) for _ in range(192)]
    path = tmp_path / "scans.pdf"
    pages[0].save(path, save_all=True, append_images=pages[1:], quality=95)
    document = opened(path)
    resident = []
    for page_index in range(192):
        drawn(document, page_index)
        resident.append(resident_bytes())
    assert resident[191] - resident[63] < 0.5 * path.stat().st_size * 128 / 192


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
