"""What an open document can do, whatever its format, and the limits that it renders under."""

from __future__ import annotations

from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from quire.words.reading import PageSize, PageText

Pixels = npt.NDArray[np.uint8]
"""Height × width × 3, RGB, top row first."""

MAX_PAGE_SIDE_PIXELS = 32_767
"""No side of a page image is longer: OpenCV's remapping counts pixels in 16 bits."""

MAX_IMAGE_PAGES = 10_000
"""More frames than this in one image file are no document: their mere list is work without end."""


class RenderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """`dpi` of a rendered PDF page; a page is scaled down to `max_page_pixels`; a picture that claims
    more than `max_source_pixels` is refused."""

    dpi: int
    max_page_pixels: int
    max_source_pixels: int

    def __post_init__(self) -> None:
        if min(self.dpi, self.max_page_pixels, self.max_source_pixels) < 1:
            raise ValueError(f"{self} has a limit below 1: this is a bug")


class OpenDocument(Protocol):
    """One open file. Not thread-safe, and may keep the page it worked on last in memory. Pages count
    from 0; a page outside the document is PageUnreadable."""

    num_pages: int

    def measure(self, page_index: int, dpi: int | None) -> PageSize:
        """The size of the image that `render` gives: as displayed, within the limits. `dpi` None is
        the limits'; only a PDF obeys it. Raises PageTooLarge or PageUnreadable."""

    def render(self, page_index: int, size: PageSize, out: Pixels) -> None:
        """Draws the page as `measure` sized it into `out`, whose rows may be apart but whose pixels
        must not. Raises PageTooLarge or PageUnreadable; `out` is then in no known state."""

    def text_layer(self, page_index: int, size: PageSize, *, trusted_only: bool = True) -> PageText | None:
        """The page's own text: lines in the order of the file's content, in no blocks (hand them to
        `layout.page.compose_page`), polygons in the pixels of `size`. None where there is none, or with
        `trusted_only` where it cannot stand for what is seen. Raises PageUnreadable or PageTooLarge."""

    def close(self) -> None:
        """Frees the file and its memory. Closing twice is no error."""


def refuse_wrong_target(out: Pixels, size: PageSize) -> None:
    """Raises ValueError unless `out` is `size`, its pixels side by side in each row."""
    if out.shape != (size.height_px, size.width_px, 3) or out.strides[1:] != (3, 1) or out.dtype != np.uint8:
        raise ValueError(f"{out.dtype} {out.shape} in steps of {out.strides} is not {size}: this is a bug")
