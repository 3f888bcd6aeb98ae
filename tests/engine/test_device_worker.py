"""What a device worker says reaches the engine, also where one page's text fits into no message."""

from __future__ import annotations

import socket

from quire.engine.channel import Channel
from quire.engine.device_worker import say
from quire.engine.messages import FromDevice, PageFaulted, PageRead, ToDevice
from quire.words.reading import PageText


def read(page: int, text: str) -> PageRead:
    return PageRead(page=page, text=PageText(text=text, lines=(), blocks=()), cost_ms=1.0)


def test_a_text_that_cannot_be_sent_costs_its_page_alone() -> None:
    ours, theirs = socket.socketpair()
    worker: Channel[FromDevice, ToDevice] = Channel(ours, ToDevice)
    engine: Channel[ToDevice, FromDevice] = Channel(theirs, FromDevice)
    say(worker, [read(1, "one"), read(2, "half a pair: \udcff"), read(3, "three")])
    heard = [engine.receive() for _ in range(3)]
    assert [heard[0], heard[2]] == [read(1, "one"), read(3, "three")]
    assert isinstance(heard[1], PageFaulted)
    assert heard[1].page == 2
    assert "cannot be sent" in heard[1].reason
    worker.close()
    engine.close()
