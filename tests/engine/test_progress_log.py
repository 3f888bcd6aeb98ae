"""A document that takes long says in the log how far it has come."""

from __future__ import annotations

import json
import logging

import pytest

from quire.engine.messages import PageRead
from quire.engine.progress_log import PROGRESS_SECONDS
from quire.words.json_lines import JsonLines
from tests.fakes.house import TEXT, House


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    lines = [json.loads(JsonLines("engine").format(record)) for record in caplog.records]
    return [line for line in lines if line["event"] == "progress"]


def read_page(house: House) -> None:
    house.render()
    house.device_says(PageRead(page=house.aboard()[-1], text=TEXT, cost_ms=10.0))


def test_a_long_document_tells_its_progress_every_few_seconds(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    house.submit()
    house.open(6)
    for seconds in (PROGRESS_SECONDS, 0.1, PROGRESS_SECONDS / 2, PROGRESS_SECONDS, 0.1):
        house.step(seconds)
        read_page(house)
    assert [(line["pages_done"], line["pages_total"]) for line in told(caplog)] == [(1, 6), (4, 6)]


def test_a_short_one_tells_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.submit()
    house.open(3)
    for _ in range(3):
        read_page(house)
    assert not told(caplog)
