"""The pages that a device worker holds: each a generator between two yields, the items that it asked
for, and its one answer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from quire.engine.batch_policy import Waiting, WaitingItems
from quire.engine.device_shares import DeviceShares
from quire.engine.messages import FromDevice, PageDropped, PageFaulted, PageRead, ReadPage, ReadText
from quire.engine.port import (
    AskableModel,
    DeviceLost,
    Item,
    PageModel,
    Pixels,
    Stepwise,
    TextModel,
    Texts,
    fault_reason,
)
from quire.words.errors import CallerError, Fault
from quire.words.reading import PageText


@dataclass(eq=False)
class OpenPage:
    """`num_in_pipeline` items of it are under way and look at its pixels. `farewell` is its answer when
    it has ended badly; it is said once nothing looks at the pixels any more."""

    message: ReadPage | ReadText
    reading: Generator[Sequence[Item], Sequence[Any], PageText]
    outputs: list[Any] = field(default_factory=list)
    num_missing: int = 0
    num_in_pipeline: int = 0
    device_seconds: float = 0.0
    farewell: PageFaulted | PageDropped | None = None

    @property
    def key(self) -> int:
        return self.message.page

    @property
    def owner(self) -> int:
        return self.message.document

    @property
    def is_wanted(self) -> bool:
        return self.farewell is None

    def advance(self, outputs: list[Any] | None) -> Sequence[Item] | PageText:
        """Runs the page's own code, given the outputs that it waits for, to its next items or its end.
        Raises what that code raises."""
        try:
            items = next(self.reading) if outputs is None else self.reading.send(outputs)
            while not items:
                items = self.reading.send([])
        except StopIteration as end:
            text: PageText = end.value
            return text
        self.outputs, self.num_missing = [None] * len(items), len(items)
        return items


@dataclass(frozen=True)
class ItemPlace:
    """An item, and where its output belongs."""

    page: OpenPage
    index: int
    payload: Any


class OpenPages:
    """`emit` takes the pages' answers."""

    def __init__(self, model: PageModel, shares: DeviceShares, emit: Callable[[FromDevice], None]) -> None:
        self.waiting = WaitingItems()
        self._model = model
        self._shares = shares
        self._emit = emit
        self._ranks = {lane: rank for rank, lane in enumerate(model.lanes)}
        self._stepwise = {name for name, lane in model.lanes.items() if isinstance(lane, Stepwise)}
        self._pages: dict[int, OpenPage] = {}
        self._places: dict[int, tuple[Waiting, ItemPlace]] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._pages)

    def get(self, key: int) -> OpenPage | None:
        return self._pages.get(key)

    def open(self, message: ReadPage | ReadText, source: Pixels | Texts, now: float) -> None:
        """`source` is what is to be read: a page's pixels, or the texts of a document's pages."""
        page = OpenPage(message, self._reading(message, source))
        self._pages[page.key] = page
        self._shares.page_came(page.owner)
        self._advance(page, None, now)

    def _reading(
        self, message: ReadPage | ReadText, source: Pixels | Texts
    ) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        if isinstance(source, tuple):
            if not isinstance(self._model, TextModel):
                raise RuntimeError("a model that reads no texts was given one: this is a bug")
            return self._model.read_text(source)
        if isinstance(message, ReadPage) and message.asked and isinstance(self._model, AskableModel):
            return self._model.read_asked(source, message.asked)
        return self._model.read(source)

    def take(self, item: Waiting) -> ItemPlace:
        """The item goes into the pipeline, or waits for its half's turn."""
        self.waiting.remove(item)
        return self._places.pop(item.number)[1]

    def deliver(self, place: ItemPlace, output: Any, now: float) -> None:
        page = place.page
        if page.is_wanted:
            page.outputs[place.index] = output
            page.num_missing -= 1
            if page.num_missing == 0:
                self._advance(page, page.outputs, now)

    def dismiss(self, page: OpenPage, farewell: PageFaulted | PageDropped) -> None:
        """Forgets what the page still waits for. It is answered once nothing looks at its pixels."""
        self._forget(page)
        for item, place in list(self._places.values()):
            if place.page is page:
                self.take(item)
        page.reading.close()
        page.farewell = farewell
        if page.num_in_pipeline == 0:
            self._emit(farewell)

    def enter_pipeline(self, places: Iterable[ItemPlace]) -> None:
        for place in places:
            place.page.num_in_pipeline += 1

    def leave_pipeline(self, places: Iterable[ItemPlace]) -> None:
        """Nothing looks at these any more; says the farewells that waited for it."""
        for place in places:
            page = place.page
            page.num_in_pipeline -= 1
            if page.farewell is not None and page.num_in_pipeline == 0:
                self._emit(page.farewell)

    def _advance(self, page: OpenPage, outputs: list[Any] | None, now: float) -> None:
        try:
            step = page.advance(outputs)
        except DeviceLost:
            raise
        except Exception as error:  # noqa: BLE001  (whatever a model raises costs one page, not the worker)
            fault = Fault.of(error) if isinstance(error, CallerError) else None
            self.dismiss(page, PageFaulted(page=page.key, reason=fault_reason(error), fault=fault))
            return
        if isinstance(step, PageText):
            self._forget(page)
            self._emit(PageRead(page=page.key, text=step, cost_ms=page.device_seconds * 1000))
        else:
            self._enqueue(page, step, now)

    def _forget(self, page: OpenPage) -> None:
        del self._pages[page.key]
        self._shares.page_left(page.owner)

    def _enqueue(self, page: OpenPage, items: Sequence[Item], now: float) -> None:
        for index, item in enumerate(items):
            waiting = Waiting(
                number=next(self._numbers),
                lane=item.lane,
                rank=self._ranks[item.lane],
                canvas=item.canvas,
                since=now,
                owner=page.owner,
                deadline=page.message.deadline,
                is_step=item.lane in self._stepwise,
            )
            self._places[waiting.number] = (waiting, ItemPlace(page, index, item.payload))
            self.waiting.add(waiting)
