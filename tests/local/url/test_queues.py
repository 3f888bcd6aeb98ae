"""Queues under load: nothing is lost, and nobody takes what another has taken."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.sqs.models import sqs_backends

from quire_endpoint.local.url.moto_queues import use_steady_queues
from tests.fakes.own_callers import Callers

SENT = 120
DEPTH = 400
WAIT_SECONDS = 20


@pytest.fixture
def _impatient() -> Iterator[None]:
    """Threads change places as often as they can, as if each had a processor."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_impatient")
def test_what_was_deleted_stays_deleted() -> None:
    use_steady_queues()
    backend = sqs_backends["123456789012"]["us-east-1"]
    backend.create_queue("deep", {})
    for number in range(DEPTH):
        backend.send_message("deep", str(number))
    taken = backend.receive_message("deep", DEPTH, 0, 60)

    def work(number: int) -> None:
        for message in taken[number::4]:
            backend.delete_message("deep", str(message.receipt_handle))

    in_threads(4, work)
    assert len(taken) == DEPTH
    assert backend.get_queue("deep")._messages == []


@pytest.mark.usefixtures("_impatient")
def test_what_one_has_taken_no_other_takes() -> None:
    use_steady_queues()
    backend = sqs_backends["123456789012"]["us-east-1"]
    backend.create_queue("shared", {})
    for number in range(DEPTH):
        backend.send_message("shared", str(number))
    seen: list[str] = []

    def work(_number: int) -> None:
        while messages := backend.receive_message("shared", 10, 0, 60):
            seen.extend(message.body for message in messages)

    in_threads(4, work)
    assert sorted(seen) == sorted(str(number) for number in range(DEPTH))


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_sent_received_and_deleted_at_once(callers: Callers) -> None:
    sqs = callers("sqs", config={"max_pool_connections": 12})
    url = sqs.create_queue(QueueName="busy")["QueueUrl"]
    seen: Counter[str] = Counter()

    def work(number: int) -> None:
        if number < 4:
            for turn in range(number, SENT, 4):
                sqs.send_message(QueueUrl=url, MessageBody=str(turn))
        else:
            until = time.monotonic() + WAIT_SECONDS
            while seen.total() < SENT and time.monotonic() < until:
                receive()

    def receive() -> None:
        taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5, WaitTimeSeconds=1)
        for message in taken.get("Messages", ()):
            seen[message["Body"]] += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    in_threads(8, work)
    assert seen == Counter(str(turn) for turn in range(SENT))
    assert counts(sqs, url) == (0, 0, 0)


def counts(sqs: Any, url: str) -> tuple[int, int, int]:
    """Messages that wait, that were taken, that are delayed."""
    names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    waiting, taken, delayed = (int(found[name]) for name in names)
    return waiting, taken, delayed


def test_counts(callers: Callers) -> None:
    sqs = callers("sqs")
    url = sqs.create_queue(QueueName="counted")["QueueUrl"]
    for delay in (0, 0, 0, 60):
        sqs.send_message(QueueUrl=url, MessageBody="text", DelaySeconds=delay)
    assert counts(sqs, url) == (3, 0, 1)
    [taken] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert counts(sqs, url) == (2, 1, 1)
    handle = taken["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert counts(sqs, url) == (3, 0, 1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert counts(sqs, url) == (2, 0, 1)
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0)
