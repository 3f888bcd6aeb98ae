"""Media types come from the bytes; a declaration can only contradict them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from quire.rendering.sniffing import READABLE_MEDIA_TYPES, sniff_media_type
from quire.words.errors import DocumentUnreadable, UnsupportedMediaType


def encoded(image_format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "white").save(buffer, image_format)
    return buffer.getvalue()


BIG_TIFF_HEADS = (b"II+\x00\x08\x00\x00\x00", b"MM\x00+\x00\x08\x00\x00")

BODIES = {
    "image/tiff": encoded("TIFF"),
    "image/jpeg": encoded("JPEG"),
    "image/png": encoded("PNG"),
    "image/webp": encoded("WEBP"),
    "image/bmp": encoded("BMP"),
    "image/gif": encoded("GIF"),
    "application/pdf": b"%PDF-1.4\n",
}


@pytest.fixture
def body(tmp_path: Path) -> Path:
    return tmp_path / "body"


def test_every_readable_type_has_a_body_here() -> None:
    assert set(BODIES) == set(READABLE_MEDIA_TYPES)


@pytest.mark.parametrize("media_type", BODIES)
@pytest.mark.parametrize(
    "declared", [None, "", "*/*", "image/*", "application/octet-stream", "binary/octet-stream"]
)
def test_a_declaration_that_says_nothing_leaves_it_to_the_bytes(
    body: Path, media_type: str, declared: str | None
) -> None:
    body.write_bytes(BODIES[media_type])
    assert sniff_media_type(body, declared) == media_type


@pytest.mark.parametrize("head", BIG_TIFF_HEADS)
def test_big_tiff_is_tiff(body: Path, head: bytes) -> None:
    body.write_bytes(head)
    assert sniff_media_type(body, None) == "image/tiff"


@pytest.mark.parametrize(
    ("declared", "media_type"),
    [
        ("image/jpg", "image/jpeg"),
        ("IMAGE/JPEG; q=1", "image/jpeg"),
        ("image/tif", "image/tiff"),
        ("image/x-ms-bmp", "image/bmp"),
        ("application/x-pdf", "application/pdf"),
    ],
)
def test_other_names_of_a_type_are_accepted(body: Path, declared: str, media_type: str) -> None:
    body.write_bytes(BODIES[media_type])
    assert sniff_media_type(body, declared) == media_type


def test_pdf_may_begin_after_1024_bytes_of_junk_and_no_later(body: Path) -> None:
    body.write_bytes(b"\x00" * 1024 + b"%PDF-1.7")
    assert sniff_media_type(body, "application/pdf") == "application/pdf"
    body.write_bytes(b"\x00" * 1025 + b"%PDF-1.7")
    with pytest.raises(UnsupportedMediaType):
        sniff_media_type(body, "application/pdf")


def test_a_picture_that_mentions_pdf_is_still_a_picture(body: Path) -> None:
    body.write_bytes(BODIES["image/png"] + b"%PDF-1.7")
    assert sniff_media_type(body, None) == "image/png"


def test_bytes_of_another_type_than_declared_are_refused_and_both_are_named(body: Path) -> None:
    body.write_bytes(BODIES["image/png"])
    with pytest.raises(UnsupportedMediaType, match=r"application/pdf.*image/png"):
        sniff_media_type(body, "application/pdf")


@pytest.mark.parametrize("declared", ["text/csv", "application/json", "image/heic"])
def test_a_type_that_cannot_be_read_is_refused_with_those_that_can(body: Path, declared: str) -> None:
    body.write_bytes(BODIES["image/png"])
    with pytest.raises(UnsupportedMediaType, match=r"application/pdf.*image/gif"):
        sniff_media_type(body, declared)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"BM is how this prose begins", b"RIFF....WAVE", b"\xff"])
def test_bytes_of_no_known_type_are_refused(body: Path, content: bytes) -> None:
    body.write_bytes(content)
    with pytest.raises(UnsupportedMediaType, match="readable are"):
        sniff_media_type(body, None)


def test_an_empty_body_is_an_unreadable_document(body: Path) -> None:
    body.write_bytes(b"")
    with pytest.raises(DocumentUnreadable, match="empty"):
        sniff_media_type(body, "application/pdf")
