"""What was asked of the recognition lane for each page, and in which batches?"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quire.engine.port import Canvas, Item, Lane, Pixels
from quire.models.ppocr.lanes import RECOGNITION, LinePlace
from quire.models.ppocr.quads import polygons_within
from quire.models.ppocr.reader import PPOCRReader
from quire.words.reading import PageText, Point

Polygon = tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class ReadLine:
    """A line that the lane read: alone in its batch, or at `index` of `batch`."""

    canvas: Canvas
    place: LinePlace
    batch: tuple[LinePlace, ...]
    index: int

    @property
    def polygon(self) -> Polygon:
        """As the page's answer has it."""
        return polygons_within(self.place.quad[None], self.place.page.height, self.place.page.width)[0]


@dataclass
class PageReading:
    """A page's text, and every line that was read for it, by its place; of several readings the last."""

    text: PageText
    lines: dict[Polygon, ReadLine]


@dataclass
class RecordingModel:
    """A reader that remembers."""

    reader: PPOCRReader
    lines_by_page: list[list[LinePlace]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.info = self.reader.info
        self.recorder = _RecordingLane(self.reader.lanes[RECOGNITION])
        self.lanes: Mapping[str, Lane] = {**self.reader.lanes, RECOGNITION: self.recorder}

    def warm_up(self) -> None:
        self.reader.warm_up()

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        places: list[LinePlace] = []
        self.lines_by_page.append(places)
        return _noting(self.reader.read(pixels), places)

    def take(self, texts: Sequence[PageText]) -> list[PageReading]:
        """The pages read since the last call, in the order in which their reading began."""
        readings = []
        for text, places in zip(texts, self.lines_by_page, strict=True):
            lines = [self.recorder.lines[id(place)] for place in places]
            readings.append(PageReading(text, {line.polygon: line for line in lines}))
        self.lines_by_page.clear()
        self.recorder.lines.clear()
        return readings


def _noting(
    reading: Generator[Sequence[Item], Sequence[Any], PageText], places: list[LinePlace]
) -> Generator[Sequence[Item], Sequence[Any], PageText]:
    outputs = None
    while True:
        try:
            items = next(reading) if outputs is None else reading.send(outputs)
        except StopIteration as end:
            text: PageText = end.value
            return text
        places += [item.payload for item in items if item.lane == RECOGNITION]
        outputs = yield items


class _RecordingLane:
    """Keeps each line with its batch, by the identity of its payload."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.lines: dict[int, ReadLine] = {}

    def max_items(self, canvas: Canvas) -> int:
        return self._lane.max_items(canvas)

    def pre(self, canvas: Canvas, payloads: Sequence[LinePlace]) -> Any:
        batch = tuple(payloads)
        self.lines.update(
            {id(place): ReadLine(canvas, place, batch, index) for index, place in enumerate(batch)}
        )
        return self._lane.pre(canvas, payloads)

    def device(self, prepared: Any) -> Any:
        return self._lane.device(prepared)

    def post(self, output: Any, payloads: Sequence[LinePlace]) -> list[Any]:
        return self._lane.post(output, payloads)
