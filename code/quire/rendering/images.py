"""Image files as documents: one page a frame, decoded by Pillow, scaled and turned as displayed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags, Image

from quire.rendering.blame import blame_document, blame_page
from quire.rendering.colors import grey_or_rgb
from quire.rendering.documents import Pixels, RenderLimits, refuse_wrong_target
from quire.rendering.frames import page_frames
from quire.rendering.samples import as_stored, copy_samples, resize_samples
from quire.rendering.scaling import easy_reduction, limited_scale, reduced_side, scaled_side
from quire.rendering.sniffing import GIF, JPEG, TIFF, WEBP
from quire.words.errors import DocumentError, PageTooLarge, PageUnreadable
from quire.words.reading import PageSize, PageText

Image.MAX_IMAGE_PIXELS = None  # RenderLimits.max_source_pixels is asked instead, before a pixel is decoded

_SANE_DPI = range(30, 2401)
_FAX_ASPECTS = (1.5, 3.0)
"""Fax machines scan 204 × 98 dots an inch: within this ratio the coarser side is stretched."""

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0

_SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations of files whose rows are the page's columns."""


class _Shape(NamedTuple):
    """A frame as displayed, at its own resolution with square pixels."""

    width: float
    height: float
    dpi: float | None


class ImageDocument:
    """An OpenDocument over Pillow. It has no text layer."""

    def __init__(self, path: Path, media_type: str, limits: RenderLimits) -> None:
        self._path = path
        self._media_type = media_type
        self._limits = limits
        self._image: Image.Image | None = None
        self._is_fresh = False
        try:
            with blame_document(Exception):
                self._frames = page_frames(path, media_type, self._open())
                self._is_fresh = media_type not in (GIF, WEBP)  # their frames are counted by seeking
        except DocumentError:
            self.close()
            raise
        self.num_pages = len(self._frames)

    def measure(self, page_index: int, dpi: int | None) -> PageSize:
        with blame_page(page_index, Exception):
            shape = self._shape(self._frame(page_index), page_index)
        scale = limited_scale(shape.width, shape.height, 1.0, self._limits.max_page_pixels)
        if self._media_type == JPEG and (divisor := easy_reduction(scale)) > 1:
            size = PageSize(
                width_px=reduced_side(shape.width, divisor),
                height_px=reduced_side(shape.height, divisor),
                dpi=shape.dpi and shape.dpi / divisor,
            )
            if size.width_px * size.height_px <= self._limits.max_page_pixels:
                return size
        return PageSize(
            width_px=scaled_side(shape.width, scale),
            height_px=scaled_side(shape.height, scale),
            dpi=shape.dpi and shape.dpi * scale,
        )

    def render(self, page_index: int, size: PageSize, out: Pixels) -> None:
        refuse_wrong_target(out, size)
        with blame_page(page_index, Exception):
            image = self._frame(page_index)
            self._shape(image, page_index)
            self._is_fresh = False
            self._draw(image, as_stored(out, self._orientation(image)))

    def text_layer(self, page_index: int, size: PageSize, *, trusted_only: bool = True) -> PageText | None:
        return None

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
        self._image = None

    def _open(self) -> Image.Image:
        """From the start of the file."""
        self.close()
        self._image = Image.open(self._path, formats=[self._media_type.partition("/")[2].upper()])
        return self._image

    def _frame(self, page_index: int) -> Image.Image:
        if not 0 <= page_index < self.num_pages:
            raise PageUnreadable(f"the document has {self.num_pages} pages, no page {page_index + 1}")
        image = self._image
        if image is None or (self.num_pages == 1 and not self._is_fresh):
            image = self._open()  # a frame that was decoded is not decoded anew at another scale
            self._is_fresh = True
        if self.num_pages > 1 or self._frames[0] > 0:
            image.seek(self._frames[page_index])
        return image

    def _shape(self, image: Image.Image, page_index: int) -> _Shape:
        width, height = image.size
        if width * height > self._limits.max_source_pixels:
            raise PageTooLarge(
                f"page {page_index + 1} claims {width} × {height} pixels; "
                f"at most {self._limits.max_source_pixels} are decoded"
            )
        if self._orientation(image) in _SIDEWAYS:
            width, height = height, width
        dpi_x, dpi_y = _dots_per_inch(image)
        if dpi_x is None or dpi_y is None:
            return _Shape(width, height, None)
        least, most = _FAX_ASPECTS
        if self._media_type == TIFF and least < max(dpi_x, dpi_y) / min(dpi_x, dpi_y) < most:
            dpi = max(dpi_x, dpi_y)
            return _Shape(width * dpi / dpi_x, height * dpi / dpi_y, dpi)
        return _Shape(width, height, dpi_x)

    def _orientation(self, image: Image.Image) -> int:
        """1 for a TIFF: Pillow turns those while it loads them, and gives their turned size before."""
        return 1 if self._media_type == TIFF else int(image.getexif().get(ExifTags.Base.Orientation, 1))

    def _draw(self, image: Image.Image, out: Pixels) -> None:
        """Decodes and scales onto `out`, which has the file's own rows and columns."""
        target = (out.shape[1], out.shape[0])
        if image.size != target:
            divisor = max(1, min(round(image.width / target[0]), round(image.height / target[1])))
            image.draft(None, (image.width // divisor, image.height // divisor))
        image.load()
        tags = getattr(image, "tag_v2", {})
        page = grey_or_rgb(image, min_is_white=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)
        if page.size == target:
            copy_samples(page, out)
        else:
            resize_samples(page, out)


def _dots_per_inch(image: Image.Image) -> tuple[float, float] | tuple[None, None]:
    """What the file says, unless that is absurd."""
    said = image.info.get("dpi")
    try:
        dpi_x, dpi_y = (float(value) for value in said or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return None, None
    if round(dpi_x) not in _SANE_DPI or round(dpi_y) not in _SANE_DPI:
        return None, None
    return dpi_x, dpi_y
