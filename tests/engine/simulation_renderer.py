"""A render worker without a process: it takes simulated seconds, fails, crashes and hangs as pages ask."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from quire.engine.messages import (
    CloseDocument,
    GrantPixels,
    JobFailed,
    LayerRead,
    Measured,
    OpenDocument,
    Opened,
    Rendered,
    RendererReady,
    RenderPage,
)
from quire.words.errors import DocumentUnreadable, Fault, InternalError, PageUnreadable
from quire.words.reading import PageText
from tests.engine.simulation_documents import Fate, SimulatedDocument, SimulatedPage
from tests.engine.simulation_workers import SimulatedWorker, World


@dataclass(frozen=True)
class RenderSeconds:
    """How long a render worker takes; a page from half of `page` to one and a half."""

    start: float = 0.5
    open: float = 0.01
    page: float = 0.01


class SimulatedRenderer(SimulatedWorker):
    """Fails loudly when the engine asks for what no render worker is ever asked."""

    def __init__(
        self,
        world: World,
        report: Callable[[Any, Any], None],
        hang_up: Callable[[Any], None],
        seconds: RenderSeconds,
        chance: random.Random,
    ) -> None:
        super().__init__(world, report, hang_up)
        self._seconds = seconds
        self._random = chance
        self._job: OpenDocument | RenderPage | None = None
        self._closed: set[str] = set()
        self._awaits_grant = False
        self.after(seconds.start, partial(self.say, RendererReady()))

    # --- what the engine knows ---

    def sent(self, message: Any) -> None:
        if isinstance(message, OpenDocument | RenderPage):
            assert self._job is None, "a busy renderer got another job"
            assert str(message.path) not in self._closed, "a closed document is asked for"
            self._job = message
        elif isinstance(message, GrantPixels):
            assert self._awaits_grant, "a grant for which nobody waits"
            assert self._job is not None and message.job == self._job.job
            self._awaits_grant = False
        elif isinstance(message, CloseDocument):
            self._closed.add(str(message.path))

    def heard(self, message: Any) -> None:
        if isinstance(message, Measured):
            self._awaits_grant = True
        elif isinstance(message, Opened) and message.goes_on:
            self._job = _one_page(self._job)
        else:
            self._job = None

    def buried(self) -> None:
        charges = self.world.charges
        if isinstance(self._job, OpenDocument):
            charges.at_opening[str(self._job.path)] += 1
        elif isinstance(self._job, RenderPage):
            charges.at_renderer[self._page(self._job).number] += 1

    # --- what it does ---

    def take(self, message: Any) -> None:
        if isinstance(message, OpenDocument):
            self.after(self._seconds.open, partial(self._open, message))
        elif isinstance(message, RenderPage):
            self._start(message, self._page(message))
        elif isinstance(message, GrantPixels):
            self._granted(message)

    def _page(self, message: RenderPage) -> SimulatedPage:
        return self.world.documents[str(message.path)].pages[message.page_index]

    def _open(self, message: OpenDocument) -> None:
        document = self.world.documents[str(message.path)]
        if document.opening is Fate.CRASHES:
            self.kill()
        elif document.opening is Fate.FAILS:
            self.say(JobFailed(job=message.job, fault=Fault.of(DocumentUnreadable("broken"))))
        elif document.opening is not Fate.HANGS:
            self._opened(message, document)

    def _opened(self, message: OpenDocument, document: SimulatedDocument) -> None:
        goes_on = len(document.pages) == 1
        self.say(Opened(job=message.job, num_pages=len(document.pages), goes_on=goes_on))
        if goes_on:
            asked = _one_page(message)
            self._start(asked, self._page(asked))

    def _start(self, message: RenderPage, page: SimulatedPage) -> None:
        if page.fate is Fate.LAYER:
            text = PageText(text=page.text, lines=(), blocks=())
            self.say(LayerRead(job=message.job, size=page.size, text=text))
        elif page.fate is Fate.FAILS:
            self.say(JobFailed(job=message.job, fault=Fault.of(PageUnreadable("broken"))))
        else:
            self.say(Measured(job=message.job, size=page.size))

    def _granted(self, message: GrantPixels) -> None:
        if not isinstance(self._job, RenderPage):
            raise RuntimeError("pixels were granted to a renderer that renders nothing")
        if message.offset is None:
            self.say(JobFailed(job=message.job, fault=Fault.of(InternalError("nobody waits"))))
            return
        page = self._page(self._job)
        self.world.memory.clear(message.offset, page)
        seconds = self._seconds.page * self._random.uniform(0.5, 1.5)
        self.after(seconds, partial(self._end, message.job, message.offset, page))

    def _end(self, job: int, offset: int, page: SimulatedPage) -> None:
        if page.fate is Fate.CRASHES:
            self.kill()
        elif page.fate is not Fate.HANGS:
            self.world.memory.draw(offset, page)
            self.say(Rendered(job=job))


def _one_page(opening: OpenDocument | RenderPage | None) -> RenderPage:
    """What the worker is at once it has opened a document of one page."""
    assert isinstance(opening, OpenDocument)
    return RenderPage(
        job=opening.job,
        path=opening.path,
        media_type=opening.media_type,
        password=opening.password,
        page_index=0,
        dpi=opening.dpi,
        text=opening.text,
    )
