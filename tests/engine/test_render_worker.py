"""A render worker answers every job, also where its answer cannot be put into a message."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from quire.engine.arena import ArenaMap, create_arena
from quire.engine.channel import Channel
from quire.engine.messages import (
    FromRenderer,
    GrantPixels,
    JobFailed,
    Measured,
    OpenDocument,
    Opened,
    Rendered,
    RendererReady,
    ToRenderer,
)
from quire.engine.render_worker import OpenDocuments, RenderWorker
from quire.rendering.opening import OpenDocument as Document
from quire.rendering.opening import RenderLimits
from quire.words.errors import DocumentUnreadable
from quire.words.reading import PageSize
from quire.words.request import TextMode

LIMITS = RenderLimits(dpi=200, max_page_pixels=1_000_000, max_source_pixels=1_000_000)


class DocumentOfManyPages:
    def __init__(self, num_pages: int) -> None:
        self.num_pages = num_pages

    def close(self) -> None:
        """Nothing is open."""


class DocumentsOfTooManyPages(OpenDocuments):
    """The first document that is asked for has more pages than a message can say; later ones have two."""

    num_pages = 1 << 70

    def get(self, request: Any) -> Document:
        document: Any = DocumentOfManyPages(self.num_pages)
        self.num_pages = 2
        found: Document = document
        return found


class DocumentsWhoseFaultsCannotBeSaid(OpenDocuments):
    def get(self, request: Any) -> Document:
        raise DocumentUnreadable("the font \udcff is broken")


@contextmanager
def engine_over(documents: OpenDocuments) -> Iterator[Channel[ToRenderer, FromRenderer]]:
    """The engine's end of a worker that runs in a thread."""
    ours, theirs = socket.socketpair()
    worker_end: Channel[FromRenderer, ToRenderer] = Channel(theirs, ToRenderer)
    worker = RenderWorker(worker_end, ArenaMap(create_arena(1 << 20)), documents)
    thread = threading.Thread(target=_serve, args=(worker,))
    thread.start()
    channel: Channel[ToRenderer, FromRenderer] = Channel(ours, FromRenderer)
    assert isinstance(channel.receive(), RendererReady)
    yield channel
    channel.close()
    thread.join()


def _serve(worker: RenderWorker) -> None:
    """As the worker's process: its end is the channel's."""
    try:
        worker.serve()
    finally:
        worker.channel.close()


def asked_to_open(job: int) -> OpenDocument:
    return OpenDocument(
        job=job,
        path=Path("a.pdf"),
        media_type="application/pdf",
        password=None,
        dpi=None,
        text=TextMode.AUTO,
    )


def test_an_answer_that_cannot_be_sent_fails_its_job_and_not_the_worker() -> None:
    with engine_over(DocumentsOfTooManyPages(LIMITS)) as engine:
        for job in (1, 2):
            engine.send(asked_to_open(job))
        failed = engine.receive()
        assert isinstance(failed, JobFailed)
        assert (failed.job, failed.fault.code) == (1, "internal_error")
        assert engine.receive() == Opened(job=2, num_pages=2)


def test_a_failure_whose_words_cannot_be_sent_is_told_all_the_same() -> None:
    with engine_over(DocumentsWhoseFaultsCannotBeSaid(LIMITS)) as engine:
        engine.send(asked_to_open(1))
        failed = engine.receive()
    assert isinstance(failed, JobFailed)
    assert (failed.job, failed.fault.code) == (1, DocumentUnreadable.code)
    assert failed.fault.message == r"the font \udcff is broken"


def test_a_document_of_one_page_is_measured_as_soon_as_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    Image.new("RGB", (30, 20), (9, 8, 7)).save(path)
    with engine_over(OpenDocuments(LIMITS)) as engine:
        engine.send(msgspec.structs.replace(asked_to_open(1), path=path, media_type="image/png"))
        assert engine.receive() == Opened(job=1, num_pages=1, goes_on=True)
        assert engine.receive() == Measured(job=1, size=PageSize(width_px=30, height_px=20, dpi=None))
        engine.send(GrantPixels(job=1, offset=0))
        assert engine.receive() == Rendered(job=1)
