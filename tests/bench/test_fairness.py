"""The verdict on fairness, and that the long document really runs beside and is really hung up on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bench.batch_log import BatchLine, batches, one_batch_milliseconds
from bench.fairness import Fairness, await_idle, measure, read_and_hung_up, table
from bench.long_documents import INVOICE, scanned_pdf
from bench.served import Served, served
from bench.stub_container import stub_base


@pytest.fixture(scope="module")
def container() -> Iterator[Served]:
    options = {"batch_seconds": 0.2, "max_items": 2}
    with stub_base(**options) as base, served(SAGEMAKER_BASE_DIR=str(base)) as started:
        started.await_healthy()
        yield started


def test_fair_is_within_twice_the_time_alone_and_a_batch() -> None:
    assert Fairness([0.1, 0.1, 0.3], [0.2, 0.259, 0.9], [50.0, 60.0, 70.0]).is_fair
    assert not Fairness([0.1, 0.1, 0.3], [0.2, 0.261, 0.9], [50.0, 60.0, 70.0]).is_fair


def test_one_batch_is_the_median_of_the_slowest_lane() -> None:
    seen = [BatchLine("wide", 1, 10.0), BatchLine("wide", 1, 500.0), BatchLine("wide", 1, 20.0)]
    assert one_batch_milliseconds([*seen, BatchLine("narrow", 9, 15.0)]) == 20.0
    assert one_batch_milliseconds([]) == 0.0


def test_the_long_document_runs_beside_and_is_hung_up_on(container: Served) -> None:
    found = measure(container, scanned_pdf(200), INVOICE.read_bytes(), rounds=1, times=2)
    assert len(found.alone) == len(found.beside) == 2
    assert found.batch_milliseconds[0] > 0
    assert "| stub |" in table({"stub": found})
    assert b"caller gone" in container.log.read_bytes()
    mark = container.log.stat().st_size
    time.sleep(0.6)
    assert not batches(container.log, mark), "pages are read that nobody waits for"


def test_a_long_document_that_ended_is_no_measurement(container: Served) -> None:
    with (
        pytest.raises(RuntimeError, match="too soon"),
        read_and_hung_up(container, scanned_pdf(16)),
    ):
        await_idle(container)
