"""A render worker answers every job, also where its answer cannot be put into a message."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quire.engine.arena import ArenaMap, create_arena
from quire.engine.channel import Channel
from quire.engine.messages import FromRenderer, JobFailed, OpenDocument, Opened, RendererReady, ToRenderer
from quire.engine.render_worker import OpenDocuments, RenderWorker
from quire.rendering.opening import OpenDocument as Document
from quire.rendering.opening import RenderLimits


class DocumentOfMoreThanAnyPages:
    """Its number of pages is one that no message can hold."""

    num_pages = 1 << 70

    def close(self) -> None:
        """Nothing is open."""


class DocumentsOfMoreThanAnyPages(OpenDocuments):
    """The first document that is asked for is such a one; later ones have a page."""

    num_asked = 0

    def get(self, request: Any) -> Document:
        self.num_asked += 1
        document: Any = DocumentOfMoreThanAnyPages()
        if self.num_asked > 1:
            document.num_pages = 1
        found: Document = document
        return found


@pytest.fixture
def engine() -> Iterator[Channel[ToRenderer, FromRenderer]]:
    """The engine's end of a worker that runs in a thread."""
    ours, theirs = socket.socketpair()
    limits = RenderLimits(dpi=200, max_page_pixels=1_000_000, max_source_pixels=1_000_000)
    worker_end: Channel[FromRenderer, ToRenderer] = Channel(theirs, ToRenderer)
    worker = RenderWorker(worker_end, ArenaMap(create_arena(1 << 20)), DocumentsOfMoreThanAnyPages(limits))
    thread = threading.Thread(target=worker.serve)
    thread.start()
    channel: Channel[ToRenderer, FromRenderer] = Channel(ours, FromRenderer)
    assert isinstance(channel.receive(), RendererReady)
    yield channel
    channel.close()
    thread.join()
    worker_end.close()


def test_an_answer_that_cannot_be_sent_fails_its_job_and_not_the_worker(
    engine: Channel[ToRenderer, FromRenderer],
) -> None:
    for job in (1, 2):
        engine.send(OpenDocument(job=job, path=Path("a.pdf"), media_type="application/pdf", password=None))
    failed = engine.receive()
    assert isinstance(failed, JobFailed)
    assert (failed.job, failed.fault.code) == (1, "internal_error")
    assert engine.receive() == Opened(job=2, num_pages=1)
