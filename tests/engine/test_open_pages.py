"""A page between its message and its answer."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from quire.engine.device_shares import DeviceShares
from quire.engine.messages import PageDropped, PageFaulted, PageRead, ReadPage
from quire.engine.open_pages import ItemPlace, OpenPages
from quire.engine.port import Item, Pixels
from quire.models.stub import SQUARE, StubModel, StubOptions
from quire.words.errors import BadRequest, Fault
from quire.words.reading import PageText

PIXELS = np.zeros((4, 4, 3), np.uint8)


class ScriptedModel:
    """Each page asks for these items, one list after the other, and answers with what it was sent."""

    info = StubModel.info

    def __init__(self, *steps: int) -> None:
        self.lanes = StubModel(StubOptions()).lanes
        self._steps = steps
        self.num_closed = 0

    def warm_up(self) -> None: ...

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        sent: list[Any] = []
        try:
            for num_items in self._steps:
                sent.append((yield [Item("stub", SQUARE, pixels)] * num_items))
        finally:
            self.num_closed += 1
        return PageText(text=str(sent), lines=(), blocks=())


class Desk:
    """Open pages, and what they said."""

    def __init__(self, *steps: int) -> None:
        self.said: list[Any] = []
        self.shares = DeviceShares()
        self.model = ScriptedModel(*steps)
        self.pages = OpenPages(self.model, self.shares, self.said.append)

    def open(self, key: int) -> None:
        message = ReadPage(
            page=key, offset=0, width_px=4, height_px=4, document=7, deadline=1.0, num_coming=0
        )
        self.pages.open(message, PIXELS, 0.0)

    def take(self) -> list[ItemPlace]:
        """All items that wait."""
        kinds = list(self.pages.waiting.kinds)
        items = [item for kind in kinds for item in self.pages.waiting.of_owner(kind, 7)]
        return [self.pages.take(item) for item in list(items)]


def test_outputs_come_to_the_page_in_the_order_in_which_it_asked() -> None:
    desk = Desk(2, 0, 3)
    desk.open(1)
    for expected in (2, 3):
        places = desk.take()
        assert len(places) == expected
        for place in reversed(places):
            desk.pages.deliver(place, place.index, 0.0)
    (read,) = desk.said
    assert isinstance(read, PageRead)
    assert read.text.text == "[[0, 1], [], [0, 1, 2]]"
    assert not len(desk.pages)


def test_a_page_that_asks_for_nothing_is_read_at_once() -> None:
    desk = Desk()
    desk.open(1)
    assert [message.page for message in desk.said] == [1]


def test_a_document_has_no_share_once_its_pages_are_gone() -> None:
    desk = Desk(1)
    desk.open(1)
    desk.open(2)
    assert desk.shares.service.seconds == {7: 0.0}
    page = desk.pages.get(1)
    assert page is not None
    desk.pages.dismiss(page, PageDropped(page=1))
    (place,) = desk.take()
    assert desk.shares.service.seconds == {7: 0.0}
    desk.pages.deliver(place, "text", 0.0)
    assert desk.shares.service.seconds == {}


def test_a_dismissed_page_waits_for_nothing_and_its_code_is_ended() -> None:
    desk = Desk(3)
    desk.open(1)
    page = desk.pages.get(1)
    assert page is not None
    places = desk.take()[:1]
    desk.pages.enter_pipeline(places)
    desk.pages.dismiss(page, PageFaulted(page=1, reason="poison"))
    assert not desk.pages.waiting
    assert desk.model.num_closed == 1
    assert desk.said == []
    desk.pages.leave_pipeline(places)
    assert desk.said == [PageFaulted(page=1, reason="poison")]


def test_what_a_page_may_not_be_asked_is_told_as_its_callers_fault() -> None:
    for error, fault in (
        (BadRequest("prompt: no"), Fault.of(BadRequest("prompt: no"))),
        (KeyError("?"), None),
    ):
        desk = Desk(1)
        desk.open(1)
        (place,) = desk.take()
        page = desk.pages.get(1)
        assert page is not None
        page.reading = refusing(error)
        next(page.reading)
        desk.pages.deliver(place, "text", 0.0)
        (faulted,) = desk.said
        assert isinstance(faulted, PageFaulted)
        assert faulted.fault == fault


def refusing(error: Exception) -> Generator[Sequence[Item], Sequence[Any], PageText]:
    yield []
    raise error
