"""Pages as the engine sends them aboard, where no engine is."""

from __future__ import annotations

from quire.engine.messages import ReadPage
from quire.engine.port import Pixels
from quire.words.request import Asked


def page_aboard(number: int, pixels: Pixels, deadline: float = 1e9, asked: Asked | None = None) -> ReadPage:
    """Of a document of its own, with none behind it; its pixels are handed over beside the message."""
    height, width, _ = pixels.shape
    return ReadPage(
        page=number,
        offset=0,
        width_px=width,
        height_px=height,
        document=number,
        deadline=deadline,
        num_coming=0,
        asked=asked,
    )
