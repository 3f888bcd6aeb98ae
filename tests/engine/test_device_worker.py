"""What a device worker says reaches the engine, also where one page's text fits into no message; and what
stands in a document's results."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from quire.engine.channel import Channel
from quire.engine.device_worker import Letters, say, texts_of
from quire.engine.messages import (
    BatchBegan,
    BatchRun,
    DeviceReady,
    FromDevice,
    PageFaulted,
    PageRead,
    ReadText,
    ToDevice,
)
from quire.words.reading import PageResult, PageSize, PageText
from tests.fakes.running_engine import CODE, stub_folder


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


def began(num_items: int) -> BatchBegan:
    return BatchBegan(lane="lane", canvas_height=64, canvas_width=64, num_items=num_items)


def ran(num_items: int) -> BatchRun:
    return BatchRun(
        lane="lane", canvas_height=64, canvas_width=64, num_items=num_items, pages=(1,), milliseconds=5.0
    )


def test_the_engine_is_told_of_batches_with_other_news_but_always_knows_of_one_that_runs() -> None:
    ours, theirs = socket.socketpair()
    engine: Channel[ToDevice, FromDevice] = Channel(theirs, FromDevice)
    letters = Letters(Channel(ours, ToDevice))
    now = time.monotonic()

    def heard(*written: FromDevice, at: float) -> list[FromDevice]:
        for message in written:
            letters.write(message)
        letters.send_due(at)
        return list(engine.receive_all())

    assert heard(at=now) == []
    assert heard(began(1), at=now) == [began(1)], "a worker that freezes now is seen to"
    assert heard(ran(1), began(2), ran(2), began(3), at=now) == []
    assert letters.due_at is not None
    assert heard(at=letters.due_at + 1) == [ran(1), began(2), ran(2), began(3)]
    assert heard(ran(3), read(1, "one"), at=now) == [ran(3), read(1, "one")]
    assert heard(began(4), at=now) == [began(4)], "it knew of none"
    letters.channel.close()
    engine.close()


def test_a_documents_texts_come_in_the_order_of_its_pages(tmp_path: Path) -> None:
    size = PageSize(width_px=10, height_px=10, dpi=None)
    results = [PageResult.read(page, size, PageText(text=f"page {page}")) for page in (3, 1, 2)]
    file = tmp_path / "pages"
    file.write_bytes(b"".join(msgspec.json.encode(result) + b"\n" for result in results))
    assert texts_of(file) == ("page 1", "page 2", "page 3")
    file.unlink()
    assert texts_of(file) == ()


def test_nothing_of_a_page_but_its_text_is_looked_at(tmp_path: Path) -> None:
    """Boxes and entities outweigh it, and the scheduler of all documents waits meanwhile."""
    file = tmp_path / "pages"
    file.write_bytes(b'{"page":1,"lines":"not looked at","text":"a"}\n')
    assert texts_of(file) == ("a",)


@pytest.mark.parametrize("content", [b'{"page": 1, "te', b'{"page": 1}'])
def test_results_that_cannot_be_read_are_told_of(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pages"
    file.write_bytes(content)
    with pytest.raises(msgspec.MsgspecError):
        texts_of(file)


def test_results_that_cannot_be_read_cost_their_document_alone(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    arena = os.memfd_create("arena")
    os.ftruncate(arena, 4096)
    given = {"--channel-fd": theirs.fileno(), "--parent-pid": os.getpid(), "--arena-fd": arena}
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "quire.models.device_program",
            *(str(each) for pair in given.items() for each in pair),
        ],
        env={**os.environ, "PYTHONPATH": str(CODE), "SAGEMAKER_BASE_DIR": str(stub_folder(tmp_path / "ml"))},
        pass_fds=(theirs.fileno(), arena),
    )
    theirs.close()
    os.close(arena)
    ours.settimeout(60)
    channel: Channel[ToDevice, FromDevice] = Channel(ours, FromDevice)
    broken = tmp_path / "pages"
    broken.write_bytes(b'{"page": 1, "te')
    try:
        assert isinstance(channel.receive(), DeviceReady)
        for page, path in ((1, broken), (2, tmp_path), (3, broken)):
            channel.send(ReadText(page=page, path=str(path), document=page, deadline=1e9, num_coming=0))
            answer = channel.receive()
            assert isinstance(answer, PageFaulted) and answer.page == page
            assert "results cannot be read" in answer.reason
    finally:
        channel.close()
        assert worker.wait(60) == 0
