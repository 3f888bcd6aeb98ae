"""Image files: every mode comes out as the RGB that is seen, upright, within the limits."""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from quire.rendering.documents import Pixels, RenderLimits
from quire.words.errors import DocumentUnreadable, PageTooLarge, PageUnreadable
from tests.rendering.pages import LIMITS, drawn, drawn_as, drawn_from, opened

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
NAMES = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}

TURN_STORED_BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation → how a camera that held the page so stores what is seen upright."""


def corners_image(width: int = 64, height: int = 40) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def corner_colours(pixels: Pixels) -> list[str]:
    """The nearest of the four names, row by row."""
    places = [pixels[4, 4], pixels[4, -5], pixels[-5, 4], pixels[-5, -5]]
    return [min(NAMES, key=lambda name: abs(place.astype(int) - NAMES[name]).sum()) for place in places]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tiff", "png", "webp"])
@pytest.mark.parametrize(
    ("max_page_pixels", "shape"), [(1_000_000, (40, 64, 3)), (660, (20, 32, 3)), (1_400, (29, 47, 3))]
)
def test_exif_orientation_is_obeyed_at_any_scale(
    tmp_path: Path, orientation: int, suffix: str, max_page_pixels: int, shape: tuple[int, int, int]
) -> None:
    turn = TURN_STORED_BACK[orientation]
    stored = corners_image() if turn is None else corners_image().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"page.{suffix}"
    stored.save(path, exif=exif.tobytes(), quality=95)
    limits = RenderLimits(dpi=72, max_page_pixels=max_page_pixels, max_source_pixels=10**6)
    pixels = drawn_from(path, limits=limits)
    assert pixels.shape == shape
    assert corner_colours(pixels) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_sixteen_bit_grey_keeps_its_scale(tmp_path: Path, byte_order: str) -> None:
    samples = np.linspace(0, 65535, 256).astype(byte_order + "u2").reshape(16, 16)
    path = tmp_path / "page.tiff"
    Image.fromarray(samples).save(path)
    pixels = drawn_from(path)
    assert np.abs(pixels[:, :, 0].astype(int).ravel() - np.arange(256)).max() <= 1
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def test_twelve_bits_in_sixteen_are_not_black(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    Image.fromarray(np.array([[0, 4095]], np.uint16)).save(path)
    assert drawn_from(path)[0, :, 0].tolist() == [0, 255]


def test_floating_point_samples_are_stretched(tmp_path: Path) -> None:
    path = tmp_path / "page.tiff"
    Image.fromarray(np.array([[-2.0, 0.0, np.nan, 2.0]], np.float32)).save(path)
    assert drawn_from(path)[0, :, 0].tolist() == [0, 127, 127, 255]


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    image.save(tmp_path / "page.png")
    assert drawn_from(tmp_path / "page.png")[0, :, 1].tolist() == [255, 0]


def test_a_transparent_palette_colour_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "page.png", transparency=0)
    assert drawn_from(tmp_path / "page.png")[0].tolist() == [[255, 255, 255], [200, 100, 50]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA"])
def test_a_white_page_is_white_in_every_mode(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (8, 8), "white").convert(mode).save(tmp_path / "page.png")
    assert (drawn_from(tmp_path / "page.png") == 255).all()


def test_cmyk_as_adobe_stores_it_is_not_inverted(tmp_path: Path) -> None:
    """Pillow writes the Adobe marker and inverted inks, as Photoshop does."""
    corners_image().convert("CMYK").save(tmp_path / "page.jpg", quality=95)
    assert corner_colours(drawn_from(tmp_path / "page.jpg")) == ["red", "green", "blue", "white"]


def test_a_large_image_is_scaled_to_the_page_limit(tmp_path: Path) -> None:
    corners_image(2400, 800).save(tmp_path / "page.jpg", dpi=(300, 300))
    document = opened(tmp_path / "page.jpg")
    size = document.measure(0, dpi=600)
    assert 990_000 <= size.width_px * size.height_px <= LIMITS.max_page_pixels
    assert size.width_px / size.height_px == pytest.approx(3, abs=0.01)
    assert size.dpi == pytest.approx(300 * size.width_px / 2400, rel=0.01)
    assert corner_colours(drawn_as(document, size)) == ["red", "green", "blue", "white"]


def test_a_scan_is_halved_where_the_limit_is_a_little_more(tmp_path: Path) -> None:
    corners_image(3000, 1000).save(tmp_path / "page.jpg", dpi=(300, 300))
    size = opened(tmp_path / "page.jpg").measure(0, dpi=None)
    assert (size.width_px, size.height_px, size.dpi) == (1500, 500, 150.0)


@pytest.mark.parametrize(("width", "height"), [(3001, 1001), (3001, 1000), (2901, 1333)])
def test_a_scan_of_odd_sides_is_halved_and_not_resampled(tmp_path: Path, width: int, height: int) -> None:
    """The decoder rounds up; a page of one pixel less would be sampled anew, which takes longer than all
    else that is done to draw it."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "page.jpg")
    with Image.open(tmp_path / "page.jpg") as image:
        image.draft(None, (width // (width // 1300), height // (width // 1300)))
        decoded = np.asarray(image)
    assert len(decoded) < height
    assert np.array_equal(drawn_from(tmp_path / "page.jpg"), decoded)


def test_what_a_decoder_rounds_up_stays_within_the_limit(tmp_path: Path) -> None:
    """1500 × 667 would be 500 pixels too many."""
    corners_image(2999, 1333).save(tmp_path / "page.jpg")
    size = opened(tmp_path / "page.jpg").measure(0, dpi=None)
    assert 990_000 < size.width_px * size.height_px <= LIMITS.max_page_pixels
    assert corner_colours(drawn_from(tmp_path / "page.jpg")) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize(("dpi", "expected"), [((300, 300), 300.0), ((1, 1), None), ((90000, 90000), None)])
def test_resolution_is_told_where_it_makes_sense(
    tmp_path: Path, dpi: tuple[int, int], expected: float | None
) -> None:
    corners_image().save(tmp_path / "page.jpg", dpi=dpi)
    assert opened(tmp_path / "page.jpg").measure(0, None).dpi == expected


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    side = (30_000).to_bytes(4, "big")
    path = tmp_path / "bomb.png"
    header = chunk(b"IHDR", side + side + bytes((1, 0, 0, 0, 0)))
    rows = zlib.compress(bytes(30_000 * (1 + 30_000 // 8)), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    assert path.stat().st_size < 200_000
    document = opened(path)
    with pytest.raises(PageTooLarge, match="30000 × 30000"):
        document.measure(0, None)


def test_a_limit_of_our_own_replaces_pillows_warning(tmp_path: Path) -> None:
    Image.new("1", (12_000, 12_000)).save(tmp_path / "page.png")
    limits = RenderLimits(dpi=72, max_page_pixels=10_000, max_source_pixels=144_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawn_from(tmp_path / "page.png", limits=limits).shape == (100, 100, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp", "gif", "bmp"])
def test_a_cut_off_file_is_an_error_that_shows_no_path(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (100, 100, 3), np.uint8)
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(noise).save(whole)
    path = tmp_path / f"page.{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises((PageUnreadable, DocumentUnreadable)) as caught:
        drawn_from(path)
    assert str(tmp_path) not in str(caught.value)
    assert 10 < len(str(caught.value)) < 300


def test_a_file_that_is_only_a_signature_is_an_error_that_shows_no_path(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DocumentUnreadable) as caught:
        opened(tmp_path / "page.png")
    assert str(tmp_path) not in str(caught.value)
    assert "page.png" not in str(caught.value)


def test_a_page_outside_the_document_is_unreadable(tmp_path: Path) -> None:
    corners_image().save(tmp_path / "page.png")
    with pytest.raises(PageUnreadable, match="no page 2"):
        opened(tmp_path / "page.png").measure(1, None)


def test_a_page_is_drawn_into_rows_that_lie_apart(tmp_path: Path) -> None:
    corners_image().save(tmp_path / "page.png")
    document = opened(tmp_path / "page.png")
    size = document.measure(0, None)
    arena = np.zeros((size.height_px, size.width_px + 5, 3), np.uint8)
    document.render(0, size, arena[:, : size.width_px])
    assert (arena[:, : size.width_px] == drawn(document)).all()
    assert not arena[:, size.width_px :].any()


def test_an_array_of_another_shape_is_our_own_fault(tmp_path: Path) -> None:
    corners_image().save(tmp_path / "page.png")
    document = opened(tmp_path / "page.png")
    with pytest.raises(ValueError, match="this is a bug"):
        document.render(0, document.measure(0, None), np.zeros((4, 4, 3), np.uint8))


def test_a_closed_document_closes_again(tmp_path: Path) -> None:
    corners_image().save(tmp_path / "page.png")
    document = opened(tmp_path / "page.png")
    drawn(document)
    document.close()
    document.close()


def test_a_side_that_shrinks_much_loses_no_strokes_where_the_other_shrinks_little(tmp_path: Path) -> None:
    samples = np.full((400, 600), 255, np.uint8)
    samples[:, ::3] = 0
    path = tmp_path / "fax.tiff"
    Image.fromarray(samples).save(path, dpi=(200, 100))
    limits = RenderLimits(dpi=72, max_page_pixels=60_000, max_source_pixels=10**6)
    pixels = drawn_from(path, limits=limits)
    assert pixels.shape[1] < 300
    assert 160 < pixels.mean() < 180


def test_only_a_jpeg_gives_up_pixels_to_be_halved(tmp_path: Path) -> None:
    corners_image(3000, 1000).save(tmp_path / "page.png")
    size = opened(tmp_path / "page.png").measure(0, dpi=None)
    assert size.width_px * size.height_px > 0.99 * LIMITS.max_page_pixels
