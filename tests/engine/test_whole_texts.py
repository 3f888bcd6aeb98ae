"""A model that reads texts gets each document's as a whole, once its pages are read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from quire.engine.messages import (
    Failed,
    Finished,
    JobFailed,
    PageFaulted,
    PageRead,
    ReadText,
    RenderPage,
)
from quire.words.errors import Fault, PageUnreadable
from quire.words.reading import PageText
from tests.fakes.house import READY, TEXT, House, Recorder, answers

FOUND = PageText(text="", fields={"label": "invoice"})


def read_texts(house: House) -> House:
    house.device_says(msgspec.structs.replace(READY, reads_texts=True), house.devices[-1])
    return house


def read_pages(house: House, num_pages: int, *, strict: bool = False) -> Recorder:
    client = house.submit(strict=strict)
    house.open(num_pages)
    for _ in range(num_pages):
        house.render()
    for key in house.aboard()[-num_pages:]:
        house.device_says(PageRead(page=key, text=TEXT, cost_ms=10.0))
    return client


def asked(house: House) -> ReadText:
    return house.devices[-1].last(ReadText)


def test_the_text_is_asked_for_after_the_last_page_and_its_fields_are_the_documents(house: House) -> None:
    client = read_pages(read_texts(house), 2)
    assert not answers(client)
    assert len(Path(asked(house).path).read_bytes().splitlines()) == 2
    house.device_says(PageRead(page=asked(house).page, text=FOUND, cost_ms=1.0))
    finished = client.last(Finished)
    assert (finished.fields, finished.fields_error, finished.num_pages) == ({"label": "invoice"}, None, 2)
    assert [page.page for page in house.pages(client)] == [1, 2]
    house.assert_at_rest()


def test_a_model_that_reads_no_texts_is_never_asked(house: House) -> None:
    client = read_pages(house, 2)
    assert client.last(Finished).fields is None
    assert not house.devices[-1].all(ReadText)


def test_a_text_that_fails_twice_is_the_documents_error_and_its_pages_are_delivered(
    house: House,
) -> None:
    client = read_pages(read_texts(house), 1)
    for _ in range(2):
        house.device_says(PageFaulted(page=asked(house).page, reason="?"))
    finished = client.last(Finished)
    assert finished.fields is None
    assert finished.fields_error is not None
    assert finished.fields_error.code == "page_failed_on_device"
    assert [page.error for page in house.pages(client)] == [None]
    house.assert_at_rest()


def test_a_text_that_fails_is_the_whole_documents_failure_where_strictness_was_asked(house: House) -> None:
    client = read_pages(read_texts(house), 1, strict=True)
    for _ in range(2):
        house.device_says(PageFaulted(page=asked(house).page, reason="?"))
    assert client.last(Failed).fault.code == "page_failed_on_device"
    house.assert_at_rest()


def test_at_the_deadline_the_pages_are_delivered_without_the_fields(house: House) -> None:
    client = read_pages(read_texts(house), 1)
    house.step(900.0)
    finished = client.last(Finished)
    assert finished.fields_error is not None
    assert finished.fields_error.code == "deadline_exceeded"
    assert [page.error for page in house.pages(client)] == [None]


def test_of_a_document_whose_pages_all_failed_no_text_is_read(house: House) -> None:
    client = read_texts(house).submit()
    house.open(1)
    fault = Fault.of(PageUnreadable("broken"))
    house.renderer_says(JobFailed(job=house.renderers[-1].last(RenderPage).job, fault=fault))
    assert client.last(Failed).fault == fault
    assert not house.devices[-1].all(ReadText)


def test_a_caller_who_goes_frees_the_text(house: House) -> None:
    client = read_pages(read_texts(house), 1)
    house.engine.client_gone(client)
    house.step()
    assert not answers(client)


def test_a_dead_workers_text_is_read_by_its_successor(house: House) -> None:
    client = read_pages(read_texts(house), 1)
    house.device_dies()
    assert len(house.devices) == 2
    house.device_says(PageRead(page=asked(house).page, text=FOUND, cost_ms=1.0))
    assert client.last(Finished).fields == {"label": "invoice"}
    house.assert_at_rest()
