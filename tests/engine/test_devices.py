"""Device workers that hang, die and are given up, and pages that must be alone beside others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from quire.engine.batch_watch import LEAST_STALL_SECONDS, STALL_MARGIN
from quire.engine.messages import (
    BatchBegan,
    BatchFailed,
    BatchRun,
    EngineState,
    Failed,
    Finished,
    PageFaulted,
    PageRead,
    ReadPage,
)
from tests.fakes.house import READY, TEXT, House, Recorder, answers


def began(num_items: int = 1, lane: str = "lane") -> BatchBegan:
    return BatchBegan(lane=lane, canvas_height=64, canvas_width=64, num_items=num_items)


def ran(milliseconds: float, num_items: int = 1, lane: str = "lane") -> BatchRun:
    return BatchRun(
        lane=lane,
        canvas_height=64,
        canvas_width=64,
        num_items=num_items,
        pages=(),
        milliseconds=milliseconds,
    )


def failed(num_items: int = 1, lane: str = "lane") -> BatchFailed:
    return BatchFailed(lane=lane, canvas_height=64, canvas_width=64, num_items=num_items)


@pytest.fixture
def busy(house: House) -> House:
    """Two pages are aboard, and a batch of the one known kind takes a second."""
    house.submit()
    house.open(2)
    house.render()
    house.render()
    house.device_says(began())
    house.device_says(ran(1000.0))
    return house


@pytest.fixture
def two(build: Callable[..., House]) -> House:
    """Two devices, each with two pages of one long document aboard."""
    house = build(devices=2)
    house.warm()
    house.submit()
    house.open(100)
    for _ in range(4):
        house.render()
    return house


def held(house: House, device: Recorder) -> list[int]:
    """Pages that are aboard this device's worker now."""
    keys = dict.fromkeys(message.page for message in device.all(ReadPage))
    return [key for key in keys if house.engine.devices.page_aboard(key)]


def read(house: House, key: int, device: Recorder | None = None) -> None:
    house.device_says(PageRead(page=key, text=TEXT, cost_ms=10.0), device)


# --- too slow ---


def test_a_batch_that_takes_many_times_what_its_kind_takes_costs_the_worker_its_life(busy: House) -> None:
    busy.device_says(began())
    busy.step(STALL_MARGIN - 0.5)
    assert not busy.devices[-1].is_killed
    assert busy.engine.next_wakeup() == pytest.approx(busy.now + 0.5)
    busy.step(1.0)
    assert busy.devices[-1].is_killed


def test_a_death_for_standing_still_is_charged_as_any(busy: House) -> None:
    read(busy, busy.aboard()[0])
    for _ in range(2):
        busy.device_says(began())
        busy.step(STALL_MARGIN + 0.5)
        assert busy.devices[-1].is_killed
        busy.device_dies()
    client = busy.clients[0]
    errors = [page.error.code if page.error else None for page in busy.pages(client)]
    assert errors == [None, "page_failed_on_device"]


def test_a_batch_that_failed_leaves_nothing_to_wait_for(busy: House) -> None:
    busy.device_says(began())
    busy.device_says(failed())
    busy.device_says(began())
    busy.device_says(ran(1000.0))
    busy.step(STALL_MARGIN + 0.5)
    assert not busy.devices[-1].is_killed


def test_a_small_batch_has_some_seconds_whatever_it_should_take(busy: House) -> None:
    for _ in range(100):
        busy.device_says(began(lane="quick"))
        busy.device_says(ran(1.0, lane="quick"))
    busy.device_says(began(lane="quick"))
    busy.step(LEAST_STALL_SECONDS - 0.5)
    assert not busy.devices[-1].is_killed
    busy.step(1.0)
    assert busy.devices[-1].is_killed


@pytest.mark.parametrize("unknown", [began(num_items=2), began(lane="other")])
def test_a_kind_or_size_never_seen_has_all_the_time_there_is(busy: House, unknown: BatchBegan) -> None:
    busy.device_says(unknown)
    busy.step(299.0)
    assert not busy.devices[-1].is_killed
    busy.step(2.0)
    assert busy.devices[-1].is_killed


def test_no_batch_has_more_time_than_a_silent_worker(busy: House) -> None:
    for _ in range(20):
        busy.device_says(began())
        busy.device_says(ran(60_000.0))
    busy.device_says(began())
    busy.step(301.0)
    assert busy.devices[-1].is_killed


def test_what_one_worker_has_shown_holds_for_all(two: House) -> None:
    first, second = two.devices
    two.device_says(began(), first)
    two.device_says(ran(1000.0), first)
    two.device_says(began(), second)
    two.step(STALL_MARGIN + 0.5)
    assert second.is_killed
    assert not first.is_killed


def test_a_batch_that_waits_for_the_one_before_it_is_not_late(busy: House) -> None:
    busy.device_says(began())
    busy.device_says(began())
    busy.step(15.0)
    busy.device_says(ran(1000.0))
    busy.step(15.0)
    assert not busy.devices[-1].is_killed
    busy.step(6.0)
    assert busy.devices[-1].is_killed


def test_a_batch_that_failed_is_not_waited_for(busy: House) -> None:
    busy.device_says(began())
    busy.device_says(PageFaulted(page=busy.aboard()[0], reason="?"))
    busy.device_says(began(num_items=3))
    busy.step(200.0)
    assert not busy.devices[-1].is_killed
    busy.device_says(ran(200_000.0, num_items=3))
    busy.step(200.0)
    assert not busy.devices[-1].is_killed


def test_a_batch_behind_one_that_failed_has_its_time_from_then_on(busy: House) -> None:
    busy.device_says(began())
    busy.device_says(began())
    busy.step(15.0)
    busy.device_says(PageFaulted(page=busy.aboard()[0], reason="?"))
    busy.step(15.0)
    assert not busy.devices[-1].is_killed
    busy.step(6.0)
    assert busy.devices[-1].is_killed


def test_what_a_worker_left_undone_is_forgotten_when_it_has_no_page_left(busy: House) -> None:
    busy.device_says(began())
    for key in busy.aboard():
        read(busy, key)
    busy.submit()
    busy.open(1)
    busy.render()
    busy.step(STALL_MARGIN + 1.0)
    assert not busy.devices[-1].is_killed


# --- alone ---


def test_a_lone_page_keeps_one_device_for_itself_and_the_other_is_filled_as_ever(two: House) -> None:
    first, second = two.devices
    faulty, other = held(two, first)
    two.device_says(PageFaulted(page=faulty, reason="?"), first)
    reserved, free = (first, second)
    for _ in range(4):
        two.render()
    assert held(two, reserved) == [other]
    assert len(held(two, free)) == READY.pages_wanted
    read(two, other, reserved)
    assert held(two, reserved) == [faulty]
    read(two, held(two, free)[0], free)
    assert len(held(two, free)) == READY.pages_wanted
    assert held(two, reserved) == [faulty]
    read(two, faulty, reserved)
    assert held(two, reserved) and faulty not in held(two, reserved)


def test_a_dead_workers_pages_run_alone_on_one_device(two: House) -> None:
    first, second = two.devices
    suspects = held(two, second)
    two.device_events.died(second, two.now)
    two.step()
    for key in list(held(two, first)):
        read(two, key, first)
    for suspect in suspects:
        assert held(two, first) == [suspect]
        read(two, suspect, first)
    two.render()
    two.render()
    assert len(held(two, first)) == 2


def test_a_device_that_is_kept_and_dies_gives_its_place_to_another(two: House) -> None:
    first, second = two.devices
    faulty, _ = held(two, first)
    two.device_says(PageFaulted(page=faulty, reason="?"), first)
    two.device_events.died(first, two.now)
    for key in list(held(two, second)):
        read(two, key, second)
    assert held(two, second) == [faulty]


def test_a_lone_page_that_nobody_wants_any_more_frees_its_device(two: House) -> None:
    first, _ = two.devices
    faulty, other = held(two, first)
    two.device_says(PageFaulted(page=faulty, reason="?"), first)
    order = next(iter(two.engine.orders.values()))
    two.engine.client_gone(order.client)
    two.render()
    two.submit()
    two.open(1)
    two.render()
    assert held(two, first)[-1] != other


# --- given up ---


def die_at_every_page(house: House, deaths: int) -> None:
    """The newest worker comes up, takes a page and dies, so often."""
    for _ in range(deaths):
        house.device_dies()


def test_a_worker_that_comes_up_and_dies_waits_longer_each_time_until_one_reads_a_page(
    house: House,
) -> None:
    house.submit()
    house.open(20)
    house.render()
    die_at_every_page(house, 3)
    num_started = len(house.devices)
    house.device_events.died(house.devices[-1], house.now)
    house.step(1.0)
    assert len(house.devices) == num_started
    house.step(60.0)
    house.device_says(READY)
    house.render()
    read(house, house.aboard()[-1])
    house.device_events.died(house.devices[-1], house.now)
    house.step()
    assert len(house.devices) == num_started + 2


def test_when_every_device_is_given_up_each_waiter_is_answered(house: House) -> None:
    partly, barely = (house.submit(deadline_seconds=3600.0) for _ in range(2))
    house.open(20)
    house.render()
    read(house, house.aboard()[-1])
    for _ in range(8):
        assert not answers(partly) + answers(barely)
        house.device_dies()
    assert house.engine.devices.is_hopeless
    assert house.engine.lost_reason
    errors = {page.error.code if page.error else None for page in house.pages(partly)}
    assert partly.all(Finished)
    assert errors == {None, "engine_lost"}
    assert [answer.fault.code for answer in answers(barely)] == ["engine_lost"]
    assert barely.last(Failed).fault.retryable
    late = house.submit()
    assert late.last(Failed).fault.code == "engine_lost"
    num_started = len(house.devices)
    house.step(10_000.0)
    assert len(house.devices) == num_started


def test_one_device_that_is_given_up_does_not_stop_the_others(build: Callable[..., House]) -> None:
    house = build(devices=2)
    house.device_says(READY, house.devices[0])
    house.warm_renderers()
    for _ in range(5):
        house.device_events.died(house.devices[-1], house.now)
        house.step(60.0)
    num_started = len(house.devices)
    house.step(10_000.0)
    assert len(house.devices) == num_started
    assert not house.engine.devices.is_hopeless
    client = house.submit()
    house.open(1)
    house.render()
    read(house, held(house, house.devices[0])[0], house.devices[0])
    assert client.all(Finished)


def test_an_engine_that_gives_up_is_not_ready(house: House) -> None:
    watcher = Recorder()
    house.engine.watch(watcher)
    for _ in range(8):
        house.device_dies()
    assert not watcher.last(EngineState).is_ready
    assert "die" in watcher.last(EngineState).reason
