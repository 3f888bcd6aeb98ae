"""Inside a device worker: pages as generators, their items as batches. One `step` is one batch.

A batch that fails is bisected until the culprit stands alone; out of memory halves the batch and lowers
the lane's ceiling for that canvas. Only the culprit's page fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from quire.engine.batch_policy import Batch, Waiting, next_batch
from quire.engine.messages import BatchRun, LimitBatch, PageFaulted, PageRead
from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory, Item, PageModel, Pixels
from quire.words.reading import PageText


@dataclass(eq=False)
class _OpenPage:
    """A page between two yields: the items that it asked for and the outputs that have come."""

    key: int
    reading: Generator[Sequence[Item], Sequence[Any], PageText]
    outputs: list[Any]
    num_missing: int = 0


@dataclass(frozen=True)
class _Place:
    page: _OpenPage
    index: int
    item: Item


@dataclass(frozen=True)
class _Failure:
    """Why a batch gave no outputs."""

    reason: str
    is_out_of_memory: bool = False


class LaneScheduler:
    """`emit` takes the messages for the engine."""

    def __init__(self, model: PageModel, emit: Callable[[Any], None]) -> None:
        self._model = model
        self._emit = emit
        self._pages: dict[int, _OpenPage] = {}
        self._waiting: dict[int, Waiting] = {}
        self._places: dict[int, _Place] = {}
        self._ceilings: dict[tuple[str, Canvas], int] = {}
        self._ranks = {lane: rank for rank, lane in enumerate(model.lanes)}
        self._numbers = count()

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def add(self, key: int, pixels: Pixels, now: float) -> None:
        page = _OpenPage(key, self._model.read(pixels), [])
        self._pages[key] = page
        self._advance(page, None, now)

    def drop(self, key: int) -> bool:
        """Forgets the page; False when it was not here."""
        page = self._pages.pop(key, None)
        if page is None:
            return False
        for number in [number for number, place in self._places.items() if place.page is page]:
            del self._waiting[number], self._places[number]
        page.reading.close()
        return True

    def limit(self, ceiling: LimitBatch) -> None:
        canvas = Canvas(ceiling.canvas_height, ceiling.canvas_width)
        self._ceilings[(ceiling.lane, canvas)] = ceiling.max_items

    def step(self, now: float) -> None:
        """Runs one batch, if there is any. Raises DeviceLost."""
        batch = next_batch(list(self._waiting.values()), self._max_items, now)
        if batch is None:
            return
        places = [self._places.pop(item.number) for item in batch.items]
        for item in batch.items:
            del self._waiting[item.number]
        self._run(batch, places, now)

    def _max_items(self, lane: str, canvas: Canvas) -> int:
        most = self._model.lanes[lane].max_items(canvas)
        return max(1, min(most, self._ceilings.get((lane, canvas), most)))

    def _run(self, batch: Batch, places: list[_Place], now: float) -> None:
        places = [place for place in places if place.page.key in self._pages]
        if not places:
            return
        if len(places) > self._max_items(batch.lane, batch.canvas):
            self._split(batch, places, now)
            return
        began = time.monotonic()
        outputs = self._forward(batch, [place.item.payload for place in places])
        if isinstance(outputs, _Failure):
            self._recover(batch, places, outputs, now)
            return
        self._report(batch, places, (time.monotonic() - began) * 1000)
        for place, output in zip(places, outputs, strict=True):
            self._deliver(place, output, now)

    def _forward(self, batch: Batch, payloads: list[Any]) -> list[Any] | _Failure:
        """The outputs, or what went wrong: a value, since an exception would keep the failed batch's
        tensors alive in its frames while smaller batches are tried."""
        lane = self._model.lanes[batch.lane]
        try:
            outputs = lane.post(lane.device(lane.pre(batch.canvas, payloads)), payloads)
        except DeviceLost:
            raise
        except DeviceOutOfMemory as error:
            return _Failure(_reason(error), is_out_of_memory=True)
        except Exception as error:  # noqa: BLE001  (whatever a model raises costs one page, not the worker)
            return _Failure(_reason(error))
        if len(outputs) != len(payloads):
            return _Failure(f"{len(outputs)} outputs for {len(payloads)} items")
        return outputs

    def _recover(self, batch: Batch, places: list[_Place], failure: _Failure, now: float) -> None:
        if failure.is_out_of_memory and len(places) > 1:
            ceiling = len(places) // 2
            self._ceilings[(batch.lane, batch.canvas)] = ceiling
            self._emit(
                LimitBatch(
                    lane=batch.lane,
                    canvas_height=batch.canvas.height,
                    canvas_width=batch.canvas.width,
                    max_items=ceiling,
                )
            )
        if len(places) == 1:
            self._fail(places[0].page, failure.reason)
        else:
            self._split(batch, places, now)

    def _split(self, batch: Batch, places: list[_Place], now: float) -> None:
        middle = len(places) // 2
        self._run(batch, places[:middle], now)
        self._run(batch, places[middle:], now)

    def _report(self, batch: Batch, places: list[_Place], milliseconds: float) -> None:
        self._emit(
            BatchRun(
                lane=batch.lane,
                canvas_height=batch.canvas.height,
                canvas_width=batch.canvas.width,
                num_items=len(places),
                pages=tuple(dict.fromkeys(place.page.key for place in places)),
                milliseconds=milliseconds,
            )
        )

    def _deliver(self, place: _Place, output: Any, now: float) -> None:
        page = place.page
        page.outputs[place.index] = output
        page.num_missing -= 1
        if page.num_missing == 0 and page.key in self._pages:
            self._advance(page, page.outputs, now)

    def _advance(self, page: _OpenPage, outputs: Sequence[Any] | None, now: float) -> None:
        """Runs the page's own code up to its next items, its end, or its failure."""
        try:
            items: Sequence[Item] = ()
            while not items:
                items = next(page.reading) if outputs is None else page.reading.send(outputs)
                outputs = []
            self._enqueue(page, items, now)
        except StopIteration as end:
            del self._pages[page.key]
            self._emit(PageRead(page=page.key, text=end.value, cost_ms=0.0))
        except DeviceLost:
            raise
        except Exception as error:  # noqa: BLE001  (as above)
            self._fail(page, _reason(error))

    def _enqueue(self, page: _OpenPage, items: Sequence[Item], now: float) -> None:
        page.outputs, page.num_missing = [None] * len(items), len(items)
        for index, item in enumerate(items):
            number = next(self._numbers)
            self._places[number] = _Place(page, index, item)
            self._waiting[number] = Waiting(number, item.lane, self._ranks[item.lane], item.canvas, now)

    def _fail(self, page: _OpenPage, reason: str) -> None:
        if self.drop(page.key):
            self._emit(PageFaulted(page=page.key, reason=reason))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
