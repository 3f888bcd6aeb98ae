"""Frames of TIFF, GIF and WebP files as pages."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from quire.rendering.documents import MAX_IMAGE_PAGES
from quire.words.errors import DocumentUnreadable
from tests.rendering.pages import drawn, opened

SHADES = (0, 100, 200)


def grey_pages() -> list[Image.Image]:
    """Three pages, each of its own size and shade."""
    return [Image.new("L", (40 + index, 30), shade) for index, shade in enumerate(SHADES)]


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits"])
def test_pages_of_a_grey_tiff(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "pages.tiff"
    first, *others = grey_pages()
    first.save(path, save_all=True, append_images=others, compression=compression)
    document = opened(path)
    assert document.num_pages == 3
    for index in (2, 0, 1, 1):
        pixels = drawn(document, index)
        assert pixels.shape == (30, 40 + index, 3)
        assert abs(int(pixels[15, 20, 1]) - SHADES[index]) <= 2


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_pages_of_a_fax_tiff(tmp_path: Path, compression: str) -> None:
    pages = [Image.new("1", (64, 48), 1) for _ in range(2)]
    pages[1].paste(0, (0, 0, 32, 48))
    pages[0].save(tmp_path / "fax.tiff", save_all=True, append_images=pages[1:], compression=compression)
    document = opened(tmp_path / "fax.tiff")
    assert (drawn(document, 0) == 255).all()
    assert (drawn(document, 1)[:, :32] == 0).all()
    assert (drawn(document, 1)[:, 32:] == 255).all()


def test_a_coarse_fax_is_stretched_to_square_pixels(tmp_path: Path) -> None:
    Image.new("1", (204, 98), 1).save(tmp_path / "fax.tiff", dpi=(204, 98), compression="group3")
    size = opened(tmp_path / "fax.tiff").measure(0, None)
    assert (size.width_px, size.height_px, size.dpi) == (204, 204, 204.0)


def test_jpeg_in_tiff_keeps_its_colours(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (200, 40, 90)).save(tmp_path / "page.tiff", compression="jpeg", quality=95)
    centre = drawn(opened(tmp_path / "page.tiff"))[32, 32].astype(int)
    assert abs(centre - (200, 40, 90)).max() <= 6


@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("white_is_zero", [True, False])
def test_white_as_zero_is_white(tmp_path: Path, bits: int, white_is_zero: bool) -> None:
    tags = {256: 1, 257: 1, 258: bits, 259: 1, 262: 0 if white_is_zero else 1}
    tags |= {273: 8 + 2 + 9 * 12 + 4, 277: 1, 278: 1, 279: 2}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    (tmp_path / "page.tiff").write_bytes(head + entries + bytes(4) + b"\x00\x00")
    assert drawn(opened(tmp_path / "page.tiff")).ravel().tolist() == [255 if white_is_zero else 0] * 3


def test_thumbnails_and_masks_are_no_pages(tmp_path: Path) -> None:
    def with_subfile_type(kind: int) -> TiffImagePlugin.ImageFileDirectory_v2:
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[254] = kind
        return tags

    pages = grey_pages()
    path = tmp_path / "pages.tiff"
    with TiffImagePlugin.AppendingTiffWriter(str(path), new=True) as writer:
        for page, kind in zip(pages, (1, 0, 4), strict=True):
            page.save(writer, format="TIFF", tiffinfo=with_subfile_type(kind))
            writer.newFrame()
    document = opened(path)
    assert document.num_pages == 1
    assert drawn(document).shape == (30, 41, 3)


def classic_tiff(num_directories: int, last_points_to: int) -> bytes:
    """Directories of one pixel each, chained, the last one pointing where it is told."""
    size = 2 + 5 * 12 + 4
    out = bytearray(struct.pack("<2sHI", b"II", 42, 8))
    for index in range(num_directories):
        following = 8 + (index + 1) * size if index + 1 < num_directories else last_points_to
        entries = ((256, 1), (257, 1), (258, 8), (262, 1), (273, 8))
        out += struct.pack("<H", len(entries))
        out += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
        out += struct.pack("<I", following)
    return bytes(out)


def test_a_looping_tiff_ends(tmp_path: Path) -> None:
    (tmp_path / "loop.tiff").write_bytes(classic_tiff(3, last_points_to=8))
    assert opened(tmp_path / "loop.tiff").num_pages == 3


def test_a_tiff_of_too_many_directories_is_refused(tmp_path: Path) -> None:
    (tmp_path / "many.tiff").write_bytes(classic_tiff(100_001, last_points_to=0))
    with pytest.raises(DocumentUnreadable, match=str(MAX_IMAGE_PAGES)):
        opened(tmp_path / "many.tiff")


def test_a_chain_that_leaves_the_file_ends_there(tmp_path: Path) -> None:
    (tmp_path / "cut.tiff").write_bytes(classic_tiff(2, last_points_to=10**6))
    assert opened(tmp_path / "cut.tiff").num_pages == 2


def test_a_big_tiff_is_read(tmp_path: Path) -> None:
    first, *others = grey_pages()
    first.save(tmp_path / "big.tiff", save_all=True, append_images=others, big_tiff=True)
    assert (tmp_path / "big.tiff").read_bytes()[:3] == b"II+"
    document = opened(tmp_path / "big.tiff")
    assert document.num_pages == 3
    assert drawn(document, 2).shape == (30, 42, 3)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_each_frame_of_an_animation_is_a_page(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "lime", "blue")]
    path = tmp_path / f"moving.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    document = opened(path)
    assert document.num_pages == 3
    for index in (1, 2, 0):
        assert int(drawn(document, index)[12, 16].argmax()) == index
