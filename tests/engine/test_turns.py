"""Who is rendered, who gets room, and who goes aboard next, when there is not enough of all three."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from quire.engine.boarding import ReadyPages
from quire.engine.device_place import RESERVED_SEATS
from quire.engine.documents import DocumentInFlight, PageTask
from quire.engine.messages import (
    DeviceReady,
    Finished,
    GrantPixels,
    JobFailed,
    LayerRead,
    Measured,
    OpenDocument,
    Opened,
    PageRead,
    ReadPage,
    Rendered,
    RenderPage,
    Submit,
)
from quire.engine.page_costs import PageCosts
from quire.words.errors import Fault, InternalError
from quire.words.reading import ModelInfo, PageSize
from quire.words.request import DocumentRequest, ReadOptions
from tests.fakes.house import READY, SIZE, TEXT, House, Recorder, answers

LARGE = PageSize(width_px=1000, height_px=3000, dpi=200.0)


def open_and_fill(house: House, num_pages: int = 500) -> Recorder:
    """A long document of which as many pages are aboard and drawn as may be."""
    client = house.submit()
    house.open(num_pages)
    for _ in range(2 * READY.pages_wanted + 2):
        house.render()
    return client


def read(house: House, key: int, cost_ms: float = 10.0, device: Recorder | None = None) -> None:
    house.device_says(PageRead(page=key, text=TEXT, cost_ms=cost_ms), device)


def still_aboard(house: House) -> list[ReadPage]:
    asked = [message for device in house.devices for message in device.all(ReadPage)]
    return [message for message in asked if house.engine.devices.page_aboard(message.page)]


def test_a_newcomer_waits_neither_for_pages_drawn_ahead_nor_for_a_place_aboard(house: House) -> None:
    open_and_fill(house)
    assert len(still_aboard(house)) == READY.pages_wanted
    drawn = len(house.renderers[-1].all(RenderPage))
    short = house.submit()
    house.open(1)
    assert len(house.renderers[-1].all(RenderPage)) == drawn + 1
    house.render()
    assert len(still_aboard(house)) == READY.pages_wanted + 1
    newest = house.devices[-1].last(ReadPage)
    assert newest.document != house.devices[-1].all(ReadPage)[0].document
    read(house, newest.page)
    assert short.all(Finished)


def test_seats_kept_for_newcomers_are_few_and_one_for_each(house: House) -> None:
    open_and_fill(house)
    for _ in range(RESERVED_SEATS + 2):
        house.submit()
        house.open(3)
        house.render()
    owners = Counter(message.document for message in still_aboard(house))
    assert sorted(owners.values()) == [1] * RESERVED_SEATS + [READY.pages_wanted]


def test_a_long_document_draws_no_page_past_the_limit_for_want_of_one_aboard(house: House) -> None:
    open_and_fill(house)
    drawn = len(house.renderers[-1].all(RenderPage))
    house.step(1.0)
    assert len(house.renderers[-1].all(RenderPage)) == drawn


def test_the_least_served_documents_page_boards_before_those_that_were_ready_earlier(house: House) -> None:
    open_and_fill(house)
    for _ in range(RESERVED_SEATS):
        house.submit()
        house.open(2)
        house.render()
    late = house.submit()
    house.open(1)
    house.render()
    first = still_aboard(house)[0]
    read(house, first.page)
    newest = house.devices[-1].last(ReadPage)
    read(house, newest.page)
    assert late.all(Finished)


def test_a_document_that_has_nothing_on_its_way_any_more_draws_its_next_page_past_the_limit(
    house: House,
) -> None:
    open_and_fill(house)
    short = house.submit()
    house.open(2)
    for _ in range(2):
        house.render()
        read(house, house.devices[-1].last(ReadPage).page)
    assert short.all(Finished)


def test_a_page_that_cost_more_than_was_thought_delays_its_documents_next(house: House) -> None:
    """Before any page was read all are taken to cost the same."""
    house.submit()
    house.submit()
    house.open(3)
    house.render()
    house.open(3)
    house.render()
    dear, cheap = still_aboard(house)
    read(house, dear.page, 1000.0)
    read(house, cheap.page, 1.0)
    for _ in range(4):
        house.render()
    told = [message.document for message in house.devices[-1].all(ReadPage)]
    assert told[3:5] == [cheap.document] * 2


@dataclass
class Queue:
    """Ready pages of documents 1, 2, ... without an engine round them."""

    ready: ReadyPages = field(default_factory=lambda: ReadyPages(PageCosts()))
    documents: dict[int, DocumentInFlight] = field(default_factory=dict)
    keys: Iterator[int] = field(default_factory=count)

    def add(self, number: int, num_pages: int = 1) -> None:
        if number not in self.documents:
            request = DocumentRequest(
                path=Path("a"), media_type="image/png", num_bytes=1, sha256="", options=ReadOptions()
            )
            submit = Submit(request=request, pages_path="b", deadline_seconds=1.0)
            self.documents[number] = DocumentInFlight(number, submit, 0.0)
            self.ready.join(self.documents[number])
        for _ in range(num_pages):
            self.ready.add(PageTask(next(self.keys), self.documents[number], 0))

    def board(self) -> PageTask:
        task = self.ready.first(of_the_absent=False)
        assert task is not None
        self.ready.boarded(task)
        return task

    def turns(self, number: int) -> list[int]:
        """Whose pages go aboard, so many, each read at once."""
        boarded = []
        for _ in range(number):
            boarded.append(self.board())
            self.ready.left(boarded[-1], 1.0)
        return [task.document.number for task in boarded]


def test_a_document_is_not_owed_for_the_time_when_it_had_no_page_ready() -> None:
    queue = Queue()
    queue.add(1)
    queue.turns(1)
    queue.add(2, 200)
    queue.turns(100)
    queue.add(1, 50)
    assert queue.turns(20).count(1) <= 11


def test_a_page_that_cost_more_on_the_device_delays_the_next_aboard() -> None:
    queue = Queue()
    queue.add(1, 50)
    queue.add(2, 50)
    first = queue.board()
    queue.ready.left(first, 10.0)
    assert queue.turns(8) == [2] * 8


def share_of_the_dear(house: House, cost_ms: float) -> float:
    """Of the pages of two long documents, one of which costs so much a page and the other 10 ms."""
    dear, cheap = house.submit(), house.submit()
    for _ in range(2):
        house.renderer_says(Opened(job=house.renderers[-1].last(OpenDocument).job, num_pages=900))
        house.render()
    numbers = [order.document.number for order in house.engine.orders.values()]
    done: Counter[int] = Counter()
    while sum(done.values()) < 400:
        message = still_aboard(house)[0]
        done[message.document] += 1
        read(house, message.page, cost_ms if message.document == numbers[0] else 10.0)
        told = house.renderers[-1].told
        while isinstance(told[-1], RenderPage):
            house.render()
    assert not answers(dear) + answers(cheap)
    return done[numbers[0]] / sum(done.values())


def test_pages_that_cost_more_get_fewer_turns(house: House) -> None:
    assert share_of_the_dear(house, 30.0) == pytest.approx(1 / 4, abs=0.05)


def test_pages_of_equal_cost_get_equal_turns(house: House) -> None:
    assert share_of_the_dear(house, 10.0) == pytest.approx(1 / 2, abs=0.05)


def test_a_device_worker_is_told_whose_page_it_is_and_how_many_come_behind(house: House) -> None:
    first = house.submit(deadline_seconds=60.0)
    house.submit()
    house.submit()
    house.open(1)
    house.render()
    told = house.devices[-1].last(ReadPage)
    order = next(iter(house.engine.orders.values()))
    assert (told.document, told.deadline) == (order.document.number, order.document.deadline)
    assert order.client is first
    assert told.num_coming == 2


def test_nothing_comes_behind_a_lone_document(house: House) -> None:
    house.submit()
    house.open(1)
    house.render()
    assert house.devices[-1].last(ReadPage).num_coming == 0


def test_documents_that_are_open_and_have_no_page_on_its_way_are_coming_too(
    build: Callable[..., House],
) -> None:
    house = build(renderers=2)
    house.warm()
    first, second = house.renderers
    house.submit()
    house.submit()
    house.renderer_says(Opened(job=first.last(OpenDocument).job, num_pages=1), first)
    house.renderer_says(Opened(job=second.last(OpenDocument).job, num_pages=9), second)
    job = first.last(RenderPage).job
    house.renderer_says(Measured(job=job, size=SIZE), first)
    house.renderer_says(Rendered(job=job), first)
    assert house.devices[-1].last(ReadPage).num_coming == 2


def test_a_flood_of_newcomers_does_not_stop_those_who_came_before(house: House) -> None:
    """Pages of text layers never fill the limit of pages ahead, so only the turns decide."""
    house.submit()
    house.open(500)
    own = house.renderers[-1].last(RenderPage).path
    for _ in range(300):
        house.submit()
    served: Counter[bool] = Counter()
    for _ in range(300):
        asked = house.renderers[-1].told[-1]
        if isinstance(asked, OpenDocument):
            house.open(1)
        else:
            assert isinstance(asked, RenderPage)
            served[asked.path == own] += 1
            house.renderer_says(LayerRead(job=asked.job, size=SIZE, text=TEXT))
    assert served[True] >= 10


def test_newcomers_are_served_in_their_order(house: House) -> None:
    clients = [house.submit() for _ in range(4)]
    opened = []
    for _ in clients:
        opened.append(house.renderers[-1].last(OpenDocument).path)
        house.open(1)
        house.render()
    assert opened == [house.scratch / f"{number}.pdf" for number in range(4)]


def waiting_for_room(house: House, size: PageSize, renderer: Recorder) -> int:
    """A page of this size that is measured and asks for room; its job."""
    job = renderer.last(RenderPage).job
    house.renderer_says(Measured(job=job, size=size), renderer)
    return job


def test_a_large_page_waits_for_room_and_small_ones_behind_it_do_not_take_it(
    build: Callable[..., House],
) -> None:
    house = build(renderers=3, arena_bytes=10 << 20)
    house.warm()
    small, large, late = house.renderers
    house.submit()
    for renderer in (small, large, late):
        if renderer.all(OpenDocument):
            house.renderer_says(Opened(job=renderer.last(OpenDocument).job, num_pages=50), renderer)
    job = waiting_for_room(house, SIZE, small)
    house.renderer_says(Rendered(job=job), small)
    huge = waiting_for_room(house, LARGE, large)
    tiny = waiting_for_room(house, SIZE, late)
    assert not large.all(GrantPixels) and not late.all(GrantPixels)
    read(house, house.aboard()[0])
    assert large.last(GrantPixels).job == huge
    assert not late.all(GrantPixels)
    house.renderer_says(Rendered(job=huge), large)
    read(house, house.aboard()[-1])
    assert late.last(GrantPixels).job == tiny


def test_a_page_that_the_whole_arena_could_not_hold_is_refused_and_blocks_nobody(
    build: Callable[..., House],
) -> None:
    house = build(arena_bytes=4 << 20)
    house.warm()
    client = house.submit()
    house.open(2)
    job = waiting_for_room(house, LARGE, house.renderers[-1])
    assert house.renderers[-1].last(GrantPixels) == GrantPixels(job=job, offset=None)
    house.renderer_says(JobFailed(job=job, fault=Fault.of(InternalError("?"))))
    house.render()
    read(house, house.aboard()[-1])
    errors = [page.error.code if page.error else None for page in house.pages(client)]
    assert errors == ["page_too_large", None]
    house.assert_at_rest()


def test_a_page_goes_to_a_renderer_that_has_its_document_open(build: Callable[..., House]) -> None:
    house = build(renderers=2)
    house.warm()
    house.submit()
    having = next(renderer for renderer in house.renderers if renderer.all(OpenDocument))
    house.renderer_says(Opened(job=having.last(OpenDocument).job, num_pages=1), having)
    assert having.all(RenderPage)


def test_a_device_that_wants_more_gets_more(build: Callable[..., House]) -> None:
    house = build(devices=2)
    wants_many = DeviceReady(
        model=ModelInfo(name="m", revision="1"), device="none", precision="none", pages_wanted=12
    )
    house.device_says(wants_many, house.devices[0])
    house.device_says(READY, house.devices[1])
    house.warm_renderers()
    house.submit()
    house.open(100)
    for _ in range(16):
        house.render()
    assert [len(device.all(ReadPage)) for device in house.devices] == [12, 4]
