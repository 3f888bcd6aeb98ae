"""How are pages read with a model in this process? Lane after lane, all pages in common batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from quire.engine.port import Canvas, Item, PageModel, Pixels, Running
from quire.words.reading import PageText


@dataclass(eq=False)
class _Page:
    """A page between two yields. `text` is set in the end."""

    reading: Generator[Sequence[Item], Sequence[Any], PageText]
    items: Sequence[Item] = ()
    outputs: list[Any] = field(default_factory=list)
    text: PageText | None = None

    def advance(self, outputs: list[Any] | None) -> None:
        """To its next items, or to its end."""
        try:
            self.items = next(self.reading) if outputs is None else self.reading.send(outputs)
            self.outputs = [None] * len(self.items)
        except StopIteration as end:
            self.items, self.text = (), end.value


@dataclass(frozen=True)
class _Place:
    page: _Page
    index: int


def read_pages(model: PageModel, pages: Sequence[Pixels]) -> list[PageText]:
    """All pages at once. What the model raises for any of them goes through."""
    opened = [_Page(model.read(pixels)) for pixels in pages]
    for page in opened:
        page.advance(None)
    while unread := [page for page in opened if page.text is None]:
        for (lane, canvas), places in _groups(unread).items():
            _run(model, lane, canvas, places)
        for page in unread:
            page.advance(page.outputs)
    return [page.text for page in opened if page.text is not None]


def _groups(pages: Sequence[_Page]) -> dict[tuple[str, Canvas], list[_Place]]:
    groups: defaultdict[tuple[str, Canvas], list[_Place]] = defaultdict(list)
    for page in pages:
        for index, item in enumerate(page.items):
            groups[(item.lane, item.canvas)].append(_Place(page, index))
    return groups


def _run(model: PageModel, name: str, canvas: Canvas, places: Sequence[_Place]) -> None:
    lane = model.lanes[name]
    most = lane.max_items(canvas)
    for start in range(0, len(places), most):
        batch = places[start : start + most]
        payloads = [place.page.items[place.index].payload for place in batch]
        ran = lane.device(lane.pre(canvas, payloads))
        if isinstance(ran, Running):
            ran.wait()
        outputs = lane.post(ran, payloads)
        for place, output in zip(batch, outputs, strict=True):
            place.page.outputs[place.index] = output
