"""The engine's decisions, without processes: workers that only remember what they were told."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from quire.engine.messages import (
    Accepted,
    BatchRun,
    CloseDocument,
    DropPage,
    EngineState,
    Failed,
    Finished,
    GrantPixels,
    JobFailed,
    LimitBatch,
    Measured,
    OpenDocument,
    Opened,
    PageDropped,
    PageFaulted,
    PageRead,
    Progress,
    ReadPage,
    Rendered,
    RenderPage,
)
from quire.words.errors import BadRequest, Fault, PageTooLarge, PageUnreadable
from quire.words.pages import PageSelection
from quire.words.request import Asked
from tests.fakes.house import READY, SIZE, TEXT, House, Recorder, answers


def test_a_document_goes_all_the_way_and_is_answered_once(house: House) -> None:
    client = house.submit()
    house.open(2)
    house.render()
    house.render()
    for key in house.aboard():
        house.device_says(PageRead(page=key, text=TEXT, cost_ms=10.0))
    assert [type(message) for message in client.told] == [Accepted, Progress, Finished]
    assert client.last(Finished).num_pages == 2
    assert [page.text for page in house.pages(client)] == ["words", "words"]
    assert house.renderers[-1].all(CloseDocument)
    house.assert_at_rest()


def test_a_renderer_goes_on_from_opening_a_document_to_its_one_page(house: House) -> None:
    client, renderer = house.submit(), house.renderers[-1]
    job = renderer.last(OpenDocument).job
    house.renderer_says(Opened(job=job, num_pages=1, goes_on=True))
    house.renderer_says(Measured(job=job, size=SIZE))
    house.renderer_says(Rendered(job=job))
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert [page.text for page in house.pages(client)] == ["words"]
    assert not renderer.all(RenderPage)
    house.assert_at_rest()


def test_a_renderer_that_goes_on_to_a_page_nobody_asked_for_draws_nothing(house: House) -> None:
    client, renderer = house.submit(pages=PageSelection.parse("2")), house.renderers[-1]
    job = renderer.last(OpenDocument).job
    house.renderer_says(Opened(job=job, num_pages=1, goes_on=True))
    assert client.last(Failed).fault.is_callers
    house.renderer_says(Measured(job=job, size=SIZE))
    assert renderer.last(GrantPixels).offset is None
    house.renderer_says(JobFailed(job=job, fault=Fault.of(PageUnreadable("nobody waits"))))
    assert len(answers(client)) == 1
    house.assert_at_rest()


def test_a_prompt_to_a_model_that_takes_none_is_the_callers_fault(house: House) -> None:
    client = house.submit(prompt="What is the total?")
    house.open(2)
    assert client.last(Failed).fault.code == "bad_request"
    house.assert_at_rest()


def test_a_model_that_can_be_asked_is_told_what_the_request_asks(house: House) -> None:
    house.device_says(msgspec.structs.replace(READY, can_be_asked=True))
    house.submit(prompt="What is the total?", max_tokens=9)
    house.open(1)
    house.render()
    assert house.devices[-1].last(ReadPage).asked == Asked(prompt="What is the total?", max_tokens=9)


def test_only_the_pages_asked_for_are_rendered(house: House) -> None:
    client = house.submit(pages=PageSelection.parse("2,9-"))
    house.open(10)
    for _ in range(3):
        house.render()
    for key in house.aboard():
        house.device_says(PageRead(page=key, text=TEXT, cost_ms=10.0))
    assert [page.page for page in house.pages(client)] == [2, 9, 10]
    assert client.last(Finished).num_pages == 10


def test_pages_beyond_the_document_are_the_callers_fault(house: House) -> None:
    client = house.submit(pages=PageSelection.parse("5"))
    house.open(2)
    assert client.last(Failed).fault.code == "pages_outside_document"
    house.assert_at_rest()


def test_a_document_that_claims_too_many_pages_is_refused_unless_fewer_are_asked_for(house: House) -> None:
    client = house.submit()
    house.open(900_000)
    assert client.last(Failed).fault.code == "too_many_pages"
    modest = house.submit(pages=PageSelection.parse("1-2"))
    house.open(900_000)
    assert not answers(modest)


def test_nothing_is_rendered_before_a_device_is_warm(build: Callable[..., House]) -> None:
    house = build()
    house.submit()
    assert not house.renderers[-1].told
    house.warm()
    house.step()
    assert house.renderers[-1].all(OpenDocument)


def test_a_bad_page_is_an_entry(house: House) -> None:
    client = house.submit()
    house.open(2)
    fault = Fault.of(PageUnreadable("broken"))
    house.renderer_says(JobFailed(job=house.renderers[-1].last(RenderPage).job, fault=fault))
    house.render()
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert [page.error for page in house.pages(client)] == [fault, None]
    house.assert_at_rest()


def test_strict_makes_the_first_bad_page_the_documents_error(house: House) -> None:
    client = house.submit(strict=True)
    house.open(100)
    fault = Fault.of(PageUnreadable("broken"))
    house.renderer_says(JobFailed(job=house.renderers[-1].last(RenderPage).job, fault=fault))
    assert answers(client) == [Failed(fault=fault)]
    house.assert_at_rest()


def test_all_pages_bad_is_the_documents_error(house: House) -> None:
    client = house.submit()
    house.open(2)
    fault = Fault.of(PageUnreadable("broken"))
    for _ in range(2):
        house.renderer_says(JobFailed(job=house.renderers[-1].last(RenderPage).job, fault=fault))
    assert client.last(Failed).fault.code == "page_unreadable"
    assert not client.all(Finished)
    house.assert_at_rest()


def test_a_renderers_death_is_forgiven_once(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.renderer_dies()
    house.render()
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert house.pages(client)[0].text == "words"
    house.assert_at_rest()


def test_a_page_that_kills_its_renderer_twice_is_that_pages_error(house: House) -> None:
    client = house.submit()
    house.open(2)
    house.render()
    house.renderer_dies()
    house.renderer_dies()
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    errors = [page.error.code if page.error else None for page in house.pages(client)]
    assert errors == [None, "page_crashed_renderer"]
    house.assert_at_rest()


def test_opening_that_kills_its_renderer_twice_is_the_documents_error(house: House) -> None:
    client = house.submit()
    house.renderer_dies()
    assert not answers(client)
    house.renderer_dies()
    assert client.last(Failed).fault.code == "document_unreadable"
    house.assert_at_rest()


def test_a_late_page_costs_its_renderer_its_life_and_is_not_tried_again(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.step(59.0)
    assert not house.renderers[-1].is_killed
    house.step(2.0)
    assert house.renderers[-1].is_killed
    house.renderer_dies()
    assert client.last(Failed).fault.code == "page_render_timeout"
    house.assert_at_rest()


def test_waiting_for_the_arena_does_not_count_as_rendering(build: Callable[..., House]) -> None:
    house = build(arena_bytes=4 << 20)
    house.warm()
    house.submit()
    house.open(2)
    house.render()
    job = house.renderers[-1].last(RenderPage).job
    house.renderer_says(Measured(job=job, size=SIZE))
    house.step(200.0)
    assert not house.renderers[-1].is_killed
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert house.renderers[-1].last(GrantPixels).job == job


def test_a_page_nobody_wants_gets_no_pixels(build: Callable[..., House]) -> None:
    house = build(arena_bytes=4 << 20)
    house.warm()
    first, second = house.submit(), house.submit()
    house.open(1)
    house.render()
    house.open(1)
    job = house.renderers[-1].last(RenderPage).job
    house.renderer_says(Measured(job=job, size=SIZE))
    house.engine.client_gone(second)
    assert not [m for m in house.renderers[-1].all(CloseDocument) if m.path == house.paths[id(second)]]
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert house.renderers[-1].last(GrantPixels) == GrantPixels(job=job, offset=None)
    house.renderer_says(JobFailed(job=job, fault=Fault.of(PageUnreadable("nobody waits"))))
    assert len(house.renderers[-1].all(CloseDocument)) == 2
    assert first.all(Finished)
    assert not answers(second)
    house.assert_at_rest()


def test_a_busy_renderer_is_told_of_closed_documents_when_it_is_done(house: House) -> None:
    gone = [house.submit() for _ in range(3)]
    for _ in gone:
        house.open(2)
        house.render()
    for client in gone:
        house.engine.client_gone(client)
    assert not house.renderers[-1].all(CloseDocument)
    house.render()
    assert len(house.renderers[-1].all(CloseDocument)) == 3


def test_a_renderer_is_not_told_of_documents_that_it_never_had(build: Callable[..., House]) -> None:
    house = build(renderers=2)
    house.warm()
    client = house.submit()
    having, other = sorted(house.renderers, key=lambda renderer: -len(renderer.all(OpenDocument)))
    assert not other.all(OpenDocument)
    house.engine.client_gone(client)
    house.renderer_says(Opened(job=having.last(OpenDocument).job, num_pages=1), having)
    assert having.all(CloseDocument)
    assert not other.told


def test_a_late_renderer_that_answers_after_all_gets_no_new_job(house: House) -> None:
    house.submit()
    house.open(2)
    house.step(61.0)
    assert house.renderers[-1].is_killed
    house.render()
    assert len(house.renderers[-1].all(RenderPage)) == 1


def test_a_page_that_was_alone_is_charged_and_fails_the_second_time(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.render()
    house.device_dies()
    assert not answers(client)
    assert house.aboard()
    house.device_dies()
    assert client.last(Failed).fault.code == "page_failed_on_device"
    house.assert_at_rest()


def test_after_a_death_the_pages_run_one_at_a_time_and_only_the_guilty_one_fails(house: House) -> None:
    client = house.submit()
    house.open(3)
    for _ in range(3):
        house.render()
    guilty = house.aboard()[1]
    house.device_dies()
    for _ in range(20):
        if answers(client):
            break
        current = house.aboard()[-1]
        assert house.engine.devices.page_aboard(current) is not None
        if current == guilty:
            house.device_dies()
        else:
            house.device_says(PageRead(page=current, text=TEXT, cost_ms=10.0))
    errors = [page.error.code if page.error else None for page in house.pages(client)]
    assert errors == [None, "page_failed_on_device", None]
    house.assert_at_rest()


def test_a_fault_that_the_worker_survives_is_charged_too(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.render()
    for _ in range(2):
        house.device_says(PageFaulted(page=house.aboard()[-1], reason="ValueError"))
    assert client.last(Failed).fault.code == "page_failed_on_device"
    house.assert_at_rest()


def test_a_fault_of_the_callers_ends_the_page_at_once(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.render()
    fault = Fault.of(BadRequest("prompt: too long"))
    house.device_says(PageFaulted(page=house.aboard()[-1], reason="BadRequest", fault=fault))
    assert client.last(Failed).fault == fault
    house.assert_at_rest()


def test_a_device_worker_without_progress_is_killed(house: House) -> None:
    house.submit()
    house.open(1)
    house.render()
    house.step(299.0)
    assert not house.devices[-1].is_killed
    house.step(2.0)
    assert house.devices[-1].is_killed


def test_an_idle_device_worker_may_be_silent_for_ever(house: House) -> None:
    house.step(100_000.0)
    assert not house.devices[-1].is_killed


def test_the_lowest_ceiling_is_remembered(build: Callable[..., House]) -> None:
    house = build(devices=2)
    house.warm()
    for device, max_items in ((house.devices[0], 3), (house.devices[1], 8)):
        house.device_says(
            LimitBatch(lane="detection", canvas_height=640, canvas_width=900, max_items=max_items), device
        )
    house.device_dies()
    assert [ceiling.max_items for ceiling in house.devices[-1].all(LimitBatch)] == [3]


def test_only_a_page_that_was_alone_is_charged(house: House) -> None:
    client = house.submit()
    house.open(3)
    for _ in range(3):
        house.render()
    house.device_dies()
    house.device_dies()
    assert house.engine.devices.page_aboard(house.aboard()[-1]) is not None
    for _ in range(3):
        house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert [page.error for page in house.pages(client)] == [None] * 3
    house.assert_at_rest()


def test_nothing_joins_a_lone_page(house: House) -> None:
    house.submit()
    house.open(2)
    house.render()
    lone = house.aboard()[-1]
    house.device_dies()
    house.render()
    assert house.aboard() == [lone]
    house.device_says(PageRead(page=lone, text=TEXT, cost_ms=10.0))
    assert len(house.aboard()) == 2


def test_a_lone_page_waits_until_the_device_is_empty(house: House) -> None:
    house.submit()
    house.open(2)
    house.render()
    house.render()
    faulty, other = house.aboard()
    house.device_says(PageFaulted(page=faulty, reason="?"))
    assert house.aboard() == [faulty, other]
    house.device_says(PageRead(page=other, text=TEXT, cost_ms=10.0))
    assert house.aboard() == [faulty, other, faulty]


def test_lone_pages_go_one_by_one_and_before_those_that_were_ready_earlier(house: House) -> None:
    house.submit()
    house.open(6)
    for _ in range(6):
        house.render()
    suspects = house.aboard()
    assert len(suspects) == READY.pages_wanted
    house.device_dies()
    for number in range(1, len(suspects) + 1):
        assert house.aboard() == suspects[:number]
        house.device_says(PageRead(page=suspects[number - 1], text=TEXT, cost_ms=10.0))
    assert len(house.aboard()) == 6


def test_a_batch_is_progress(house: House) -> None:
    house.submit()
    house.open(1)
    house.render()
    house.step(299.0)
    key = house.aboard()[-1]
    house.device_says(
        BatchRun(lane="x", canvas_height=1, canvas_width=1, num_items=1, pages=(key,), milliseconds=1.0)
    )
    house.step(299.0)
    assert not house.devices[-1].is_killed
    house.step(2.0)
    assert house.devices[-1].is_killed


def test_no_more_pages_are_rendered_ahead_than_devices_want(house: House) -> None:
    house.submit()
    house.open(100)
    for _ in range(READY.pages_wanted + 2 + READY.pages_wanted):
        house.render()
    assert len(house.aboard()) == READY.pages_wanted
    assert len(house.renderers[-1].all(RenderPage)) == 2 * READY.pages_wanted + 2


def test_a_dead_renderers_pixels_are_free_again(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.renderer_says(Measured(job=house.renderers[-1].last(RenderPage).job, size=SIZE))
    assert house.engine.arena.num_free_bytes < house.engine.arena.num_bytes
    house.renderer_dies()
    assert house.engine.arena.num_free_bytes == house.engine.arena.num_bytes
    house.render()
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert client.all(Finished)
    house.assert_at_rest()


def test_a_ceiling_that_was_learnt_is_handed_to_the_successor(house: House) -> None:
    ceiling = LimitBatch(lane="detection", canvas_height=640, canvas_width=900, max_items=3)
    house.device_says(ceiling)
    house.device_dies()
    assert house.devices[-1].all(LimitBatch) == [ceiling]


def test_a_caller_that_hangs_up_frees_its_pages(house: House) -> None:
    client = house.submit()
    house.open(5)
    house.render()
    house.engine.client_gone(client)
    house.step()
    assert house.devices[-1].last(DropPage).page == house.aboard()[0]
    house.device_says(PageDropped(page=house.aboard()[0]))
    job = house.renderers[-1].last(RenderPage).job
    house.renderer_says(Measured(job=job, size=SIZE))
    house.renderer_says(Rendered(job=job))
    assert not answers(client)
    assert not house.paths[id(client)].exists()
    house.assert_at_rest()


def test_an_answer_that_crosses_its_drop_frees_the_pixels_too(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.render()
    house.engine.client_gone(client)
    house.device_says(PageRead(page=house.aboard()[0], text=TEXT, cost_ms=10.0))
    house.assert_at_rest()


def test_at_the_deadline_the_pages_done_are_delivered(house: House) -> None:
    client = house.submit(deadline_seconds=10.0)
    house.open(4)
    house.render()
    house.device_says(PageRead(page=house.aboard()[0], text=TEXT, cost_ms=10.0))
    house.step(11.0)
    errors = [page.error.code if page.error else None for page in house.pages(client)]
    assert errors == [None] + ["deadline_exceeded"] * 3
    assert len(answers(client)) == 1


def test_at_the_deadline_without_a_page_there_is_an_error(house: House) -> None:
    client = house.submit(deadline_seconds=10.0)
    house.open(4)
    house.step(11.0)
    assert client.last(Failed).fault.code == "deadline_exceeded"
    assert client.last(Failed).fault.retryable


def test_draining_refuses_new_documents_and_ends_the_old_in_time(house: House) -> None:
    old = house.submit()
    house.engine.drain(house.now)
    new = house.submit()
    assert new.last(Failed).fault.code == "shutting_down"
    assert not house.engine.is_drained
    house.step(19.0)
    assert not answers(old)
    house.step(2.0)
    assert old.last(Failed).fault.code == "shutting_down"
    assert house.engine.is_drained


def test_draining_lets_a_document_end(house: House) -> None:
    client = house.submit()
    house.open(1)
    house.engine.drain(house.now)
    house.render()
    house.device_says(PageRead(page=house.aboard()[0], text=TEXT, cost_ms=10.0))
    assert client.all(Finished)
    assert house.engine.is_drained


def test_a_short_document_passes_a_long_one(house: House) -> None:
    house.submit()
    house.open(500)
    for _ in range(5):
        house.render()
    short = house.submit()
    for _ in range(4):
        asked = house.renderers[-1].told[-1]
        if isinstance(asked, OpenDocument):
            house.open(1)
        else:
            house.render()
        for key in house.aboard():
            if house.engine.devices.page_aboard(key):
                house.device_says(PageRead(page=key, text=TEXT, cost_ms=10.0))
    assert short.all(Finished)


def test_watchers_hear_of_every_change(build: Callable[..., House]) -> None:
    house, watcher = build(), Recorder()
    house.engine.watch(watcher)
    house.warm()
    house.device_dies()
    house.engine.drain(house.now)
    house.step()
    states = [(state.is_ready, state.is_draining) for state in watcher.all(EngineState)]
    assert states == [(False, False), (True, False), (False, False), (True, False), (True, True)]


def test_a_device_that_never_comes_up_is_hopeless(build: Callable[..., House]) -> None:
    house = build()
    for _ in range(5):
        assert not house.engine.devices.is_hopeless
        house.device_events.died(house.devices[-1], house.now)
        house.step(60.0)
    assert house.engine.devices.is_hopeless


def test_a_document_without_pages_is_unreadable(house: House) -> None:
    client = house.submit()
    house.open(0)
    assert client.last(Failed).fault.code == "document_unreadable"


def test_a_full_disk_is_an_error_that_may_be_tried_again(house: House) -> None:
    client = house.submit()
    house.paths[id(client)].mkdir()
    house.open(1)
    assert client.last(Failed).fault.code == "insufficient_storage"
    house.assert_at_rest()


def test_several_devices_share_the_pages(build: Callable[..., House]) -> None:
    house = build(devices=2)
    house.warm()
    house.submit()
    house.open(4)
    for _ in range(4):
        house.render()
    assert [len(device.all(ReadPage)) for device in house.devices] == [2, 2]


def test_a_renderer_that_dies_before_it_is_up_is_no_documents_fault(build: Callable[..., House]) -> None:
    house = build()
    house.device_says(READY)
    client = house.submit()
    for _ in range(5):
        assert not house.engine.renderers.is_hopeless
        house.render_events.died(house.renderers[-1], house.now)
        house.step(60.0)
    assert house.engine.renderers.is_hopeless
    assert [answer.fault.code for answer in answers(client)] == ["engine_lost"]


def test_a_device_worker_that_loads_too_long_is_killed(build: Callable[..., House]) -> None:
    house = build()
    house.step(599.0)
    assert not house.devices[-1].is_killed
    house.step(2.0)
    assert house.devices[-1].is_killed


def test_opening_that_takes_too_long_is_the_documents_error(house: House) -> None:
    client = house.submit()
    house.step(61.0)
    assert house.renderers[-1].is_killed
    house.renderer_dies()
    assert client.last(Failed).fault.code == "page_render_timeout"
    house.assert_at_rest()


def test_a_disk_that_fills_up_while_results_are_written_is_told(house: House) -> None:
    client = house.submit(pages_path="/dev/full")
    house.open(1)
    house.render()
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))
    assert [type(answer) for answer in answers(client)] == [Failed]
    assert client.last(Failed).fault.code == "insufficient_storage"
    house.assert_at_rest()


def test_where_all_pages_fail_our_own_fault_is_told_before_the_documents(house: House) -> None:
    client = house.submit()
    house.open(2)
    fault = Fault.of(PageUnreadable("broken"))
    house.renderer_says(JobFailed(job=house.renderers[-1].last(RenderPage).job, fault=fault))
    house.render()
    for _ in range(2):
        house.device_says(PageFaulted(page=house.aboard()[-1], reason="?"))
    assert client.last(Failed).fault.code == "page_failed_on_device"
    house.assert_at_rest()


def test_where_pages_fail_in_several_ways_the_document_names_them(house: House) -> None:
    client = house.submit()
    house.open(2)
    for error in (PageUnreadable("broken"), PageTooLarge("large")):
        job = house.renderers[-1].last(RenderPage).job
        house.renderer_says(JobFailed(job=job, fault=Fault.of(error)))
    assert client.last(Failed).fault.code == "document_error"
    assert "page_too_large, page_unreadable" in client.last(Failed).fault.message
