"""The render worker: a process that opens documents and draws pages, and may be killed at any time."""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from quire.engine.arena import ArenaMap
from quire.engine.channel import Channel, PeerGone
from quire.engine.messages import (
    CloseDocument,
    FromRenderer,
    GrantPixels,
    JobFailed,
    LayerRead,
    Measured,
    OpenDocument,
    Opened,
    Rendered,
    RendererReady,
    RenderPage,
    ToRenderer,
)
from quire.engine.parent_death import die_with_parent
from quire.layout.page import compose_page
from quire.rendering.layers import read_layer
from quire.rendering.opening import OpenDocument as Document
from quire.rendering.opening import RenderLimits, open_document
from quire.words.errors import Fault, InternalError, PageTooLarge, QuireError
from quire.words.json_lines import configure_logging
from quire.words.request import TextMode

log = logging.getLogger("quire.render")

MAX_OPEN_DOCUMENTS = 4
MAX_MEMORY_BYTES = 6 * 1024**3
"""Address space of a render worker beside the arena: what a page of QUIRE_MAX_SOURCE_PIXELS takes in RGB,
some times over. A page that asks for more fails alone, before the machine runs out of memory."""


class OpenDocuments:
    """The documents used last, kept open: a page must not pay for parsing the whole file again."""

    def __init__(self, limits: RenderLimits) -> None:
        self._limits = limits
        self._documents: OrderedDict[Path, Document] = OrderedDict()

    def get(self, request: OpenDocument | RenderPage) -> Document:
        document = self._documents.get(request.path)
        if document is None:
            document = open_document(request.path, request.media_type, request.password, self._limits)
            self._documents[request.path] = document
        self._documents.move_to_end(request.path)
        while len(self._documents) > MAX_OPEN_DOCUMENTS:
            self._documents.popitem(last=False)[1].close()
        return document

    def close(self, path: Path) -> None:
        document = self._documents.pop(path, None)
        if document is not None:
            document.close()


@dataclass
class RenderWorker:
    """Serves one job at a time. `draws_every_page`: the model wants a page's pixels though the page carries
    text that could be trusted."""

    channel: Channel[FromRenderer, ToRenderer]
    arena: ArenaMap
    documents: OpenDocuments
    draws_every_page: bool = False
    _unsaid: list[FromRenderer] = field(default_factory=list)

    def serve(self) -> None:
        """Until the engine is gone."""
        try:
            self.channel.send(RendererReady())
            while True:
                self._take(self.channel.receive())
        except PeerGone:
            return

    def _take(self, message: ToRenderer) -> None:
        if isinstance(message, OpenDocument):
            self._answer(message, partial(self._open, message))
        elif isinstance(message, RenderPage):
            self._answer(message, partial(self._draw, message, message.page_index))
        elif isinstance(message, CloseDocument):
            self.documents.close(message.path)

    def _answer(self, message: OpenDocument | RenderPage, work: Callable[[], FromRenderer]) -> None:
        """What cannot be sent fails the page as well: a text may hold what no message can."""
        self._unsaid.clear()
        try:
            self._say(work())
        except PeerGone:
            raise
        except QuireError as error:
            self._fail(message, error)
        except MemoryError:
            self._fail(message, PageTooLarge("drawing the page takes more memory than a page may have"))
        except Exception:
            log.exception("a render job failed in a way that nobody foresaw")
            self._fail(message, InternalError("rendering failed"))

    def _fail(self, message: OpenDocument | RenderPage, error: QuireError) -> None:
        fault = Fault.of(error)
        sayable = fault.message.encode(errors="backslashreplace").decode()
        self._say(JobFailed(job=message.job, fault=msgspec.structs.replace(fault, message=sayable)))

    def _say(self, message: FromRenderer) -> None:
        """With what was to be said before it."""
        self.channel.send_all((*self._unsaid, message))
        self._unsaid.clear()

    def _open(self, message: OpenDocument) -> FromRenderer:
        num_pages = self.documents.get(message).num_pages
        if num_pages != 1:
            return Opened(job=message.job, num_pages=num_pages)
        self._unsaid.append(Opened(job=message.job, num_pages=1, goes_on=True))
        return self._draw(message, 0)

    def _draw(self, message: OpenDocument | RenderPage, page_index: int) -> FromRenderer:
        document = self.documents.get(message)
        size = document.measure(page_index, message.dpi)
        text = read_layer(document, page_index, size, self._mode(message.text))
        if text is not None:
            text = compose_page(text.lines, rotation_degrees=text.rotation_degrees, source=text.source)
            return LayerRead(job=message.job, size=size, text=text)
        self._say(Measured(job=message.job, size=size))
        offset = self._await_grant(message.job)
        if offset is None:
            return JobFailed(job=message.job, fault=Fault.of(InternalError("nobody waits for the page")))
        document.render(page_index, size, self.arena.pixels(offset, size))
        return Rendered(job=message.job)

    def _mode(self, asked: TextMode) -> TextMode:
        return TextMode.OCR if self.draws_every_page and asked is TextMode.AUTO else asked

    def _await_grant(self, job: int) -> int | None:
        while True:
            message = self.channel.receive()
            if isinstance(message, GrantPixels) and message.job == job:
                return message.offset
            self._take(message)


def _limit_memory(arena_fd: int) -> None:
    most = os.fstat(arena_fd).st_size + MAX_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    Path("/proc/self/oom_score_adj").write_text("500")


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("channel-fd", "parent-pid", "arena-fd", "dpi", "max-page-pixels", "max-source-pixels"):
        parser.add_argument(f"--{option}", type=int, required=True)
    parser.add_argument("--log-level", required=True)
    parser.add_argument("--draw-every-page", action="store_true")
    given = parser.parse_args(sys.argv[1:])
    die_with_parent(given.parent_pid)
    configure_logging("render worker", given.log_level)
    _limit_memory(given.arena_fd)
    os.environ["OPENCV_FOR_THREADS_NUM"] = "1"  # the workers are as many as the cores already
    limits = RenderLimits(
        dpi=given.dpi, max_page_pixels=given.max_page_pixels, max_source_pixels=given.max_source_pixels
    )
    channel: Channel[FromRenderer, ToRenderer] = Channel.from_fd(given.channel_fd, ToRenderer)
    documents = OpenDocuments(limits)
    RenderWorker(channel, ArenaMap(given.arena_fd), documents, given.draw_every_page).serve()


if __name__ == "__main__":
    main()
