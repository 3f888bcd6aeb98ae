"""Reads pages with a model in this process: the device worker's own lanes, without the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import PageFaulted, PageRead
from quire.engine.port import PageModel, Pixels
from quire.words.reading import PageText


def read_pages(model: PageModel, pages: Sequence[Pixels]) -> list[PageText]:
    """All pages at once, their items in common batches. Raises RuntimeError for a page that fails."""
    texts: dict[int, PageText] = {}

    def take(message: Any) -> None:
        if isinstance(message, PageFaulted):
            raise RuntimeError(f"page {message.page}: {message.reason}")
        if isinstance(message, PageRead):
            texts[message.page] = message.text

    lanes = LaneScheduler(model, take)
    for number, pixels in enumerate(pages):
        lanes.add(number, pixels, now=0.0)
    while not lanes.is_idle:
        lanes.step(now=0.0)
    return [texts[number] for number in range(len(pages))]
