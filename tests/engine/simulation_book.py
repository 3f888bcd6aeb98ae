"""What each party may say and be told next, kept beside a real engine: recorders that know the rules, and
a book of every document, page and byte of the arena."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from quire.engine.arena import ALIGNMENT_BYTES
from quire.engine.backoff import MAX_FAILED_STARTS, MAX_FRUITLESS_DEATHS
from quire.engine.device_place import RESERVED_SEATS
from quire.engine.messages import (
    Accepted,
    CloseDocument,
    DropPage,
    Failed,
    Finished,
    GrantPixels,
    LimitBatch,
    OpenDocument,
    Progress,
    ReadPage,
    RenderPage,
    Submit,
)
from quire.words.reading import PageResult, PageSize
from quire.words.request import DocumentRequest, ReadOptions

MAX_STRIKES = 2


class Where(enum.Enum):
    """A page's one place; the same for a document before it is open."""

    UNSTARTED = enum.auto()
    RENDERING = enum.auto()
    READY = enum.auto()
    ABOARD = enum.auto()
    DONE = enum.auto()


@dataclass(eq=False)
class BookPage:
    """`outcome` is the text that was read, or the code of the page's error."""

    document: BookDocument
    index: int
    where: Where = Where.UNSTARTED
    renderer_deaths: int = 0
    lone_failures: int = 0
    must_be_alone: bool = False
    size: PageSize | None = None
    offset: int | None = None
    outcome: str | None = None
    has_failed: bool = False

    @property
    def text(self) -> str:
        return f"{self.document.path} page {self.index}"

    @property
    def is_too_large(self) -> bool:
        return rounded_bytes(self) > self.document.book.arena_bytes


@dataclass(eq=False)
class BookDocument:
    """Its client is the recorder that it was submitted by. `faults` are codes that may end it whole."""

    book: Book
    path: str
    num_pages: int
    deadline: float
    strict: bool
    where: Where = Where.UNSTARTED
    is_ended: bool = False
    opening_deaths: int = 0
    pages: list[BookPage] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)

    @property
    def results_path(self) -> Path:
        return self.book.scratch / f"{self.path}.jsonl"

    @property
    def is_overdue(self) -> bool:
        return self.book.now >= self.deadline

    @property
    def num_done(self) -> int:
        return sum(page.where is Where.DONE for page in self.pages)

    def submit(self) -> Submit:
        request = DocumentRequest(
            path=Path(self.path),
            media_type="application/pdf",
            num_bytes=1,
            sha256="",
            options=ReadOptions(strict=self.strict),
        )
        seconds = self.deadline - self.book.now
        return Submit(request=request, pages_path=str(self.results_path), deadline_seconds=seconds)

    def open(self) -> None:
        self.where = Where.DONE
        if self.is_ended:
            return
        if self.num_pages == 0:
            self.faults.add("document_unreadable")
        self.pages = [BookPage(self, index) for index in range(self.num_pages)]

    def possible_failures(self) -> set[str]:
        possible = set(self.faults)
        failed = {page.outcome for page in self.pages if page.has_failed and page.outcome}
        if self.pages and all(page.has_failed for page in self.pages):
            possible |= failed | {"document_error"}
        if self.strict:
            possible |= failed
        if self.is_overdue and all(page.has_failed for page in self.pages if page.where is Where.DONE):
            possible.add("deadline_exceeded")
        if self.is_overdue and self.strict:
            possible.add("deadline_exceeded")
        if self.book.is_draining:
            possible.add("shutting_down")
        if self.book.is_lost:
            possible.add("engine_lost")
        return possible

    def check_results(self) -> None:
        """Each page exactly once, as the workers said."""
        decoded = [
            msgspec.json.decode(line, type=PageResult) for line in self.results_path.read_bytes().splitlines()
        ]
        found = sorted(
            (result.page - 1, result.error.code if result.error else result.text) for result in decoded
        )
        late = "deadline_exceeded" if self.is_overdue else "engine_lost" if self.book.is_lost else None
        assert found == [(page.index, page.outcome or late) for page in self.pages]

    def end(self) -> None:
        """Frees what waits for a device; what is at a worker stays until it answers."""
        assert not self.is_ended
        self.is_ended = True
        for page in self.pages:
            if page.where is Where.READY:
                self.book.release(page)
                page.where = Where.DONE
            elif page.where is Where.UNSTARTED:
                page.where = Where.DONE


@dataclass(eq=False)
class RecordingClient:
    """Takes Accepted, then progress that grows, then at most one answer, which must be right."""

    document: BookDocument
    is_accepted: bool = False
    is_gone: bool = False
    answers: list[Any] = field(default_factory=list)

    def send(self, message: Any) -> None:
        assert not self.answers, f"{message} after the answer"
        assert not self.document.is_ended, f"{message} to one who has hung up"
        assert self.is_accepted != isinstance(message, Accepted)
        if isinstance(message, Accepted):
            self.is_accepted = True
        elif isinstance(message, Progress):
            assert message.pages_done == self.document.num_done
            assert message.pages_total == self.document.num_pages
        else:
            self._answered(message)

    def _answered(self, message: Finished | Failed) -> None:
        self.answers.append(message)
        if isinstance(message, Failed):
            assert message.fault.code in self.document.possible_failures()
        else:
            assert message.num_pages == self.document.num_pages
            assert not (self.document.strict and any(page.has_failed for page in self.document.pages))
            self.document.check_results()
        self.document.end()


class Stage(enum.Enum):
    """What a render worker is at."""

    STARTING = enum.auto()
    IDLE = enum.auto()
    OPENING = enum.auto()
    ASKED = enum.auto()
    MEASURED = enum.auto()
    GRANTED = enum.auto()
    REFUSED = enum.auto()


@dataclass(eq=False)
class RecordingRenderer:
    """Asserts that it is told only what a render worker at its stage may be told."""

    book: Book
    stage: Stage = Stage.STARTING
    job: int = 0
    document: BookDocument | None = None
    page: BookPage | None = None
    busy_since: float = 0.0
    is_killed: bool = False
    has_hung_up: bool = False
    opened: set[str] = field(default_factory=set)
    closed: list[str] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        return not (self.is_killed or self.has_hung_up)

    def send(self, message: Any) -> None:
        if isinstance(message, CloseDocument):
            self.closed.append(str(message.path))
        elif isinstance(message, GrantPixels):
            assert message.job == self.job and self.stage is Stage.MEASURED
            self._granted(message.offset)
        else:
            assert self.stage is Stage.IDLE and self.is_there
            self._asked(message)

    def kill(self) -> None:
        assert not self.is_killed
        assert self.stage not in (Stage.STARTING, Stage.IDLE, Stage.MEASURED)
        assert self.book.now - self.busy_since >= self.book.page_seconds
        self.is_killed = True

    def _asked(self, message: OpenDocument | RenderPage) -> None:
        document = self.book.documents[str(message.path)]
        assert not document.is_ended and document.path not in self.closed
        self.job, self.document, self.busy_since = message.job, document, self.book.now
        self.opened.add(document.path)
        if isinstance(message, OpenDocument):
            assert document.where is Where.UNSTARTED
            document.where, self.stage = Where.RENDERING, Stage.OPENING
            return
        self.page = document.pages[message.page_index]
        assert self.page.where is Where.UNSTARTED and self.page.offset is None
        self.page.where, self.stage = Where.RENDERING, Stage.ASKED

    def go_on(self) -> None:
        """From opening a document of one page to that page; of one that has ended, to a page of nobody's."""
        assert self.document is not None
        self.document.open()
        self.page = next(iter(self.document.pages), BookPage(self.document, 0))
        self.page.where, self.stage, self.busy_since = Where.RENDERING, Stage.ASKED, self.book.now

    def _granted(self, offset: int | None) -> None:
        assert self.page is not None
        self.busy_since = self.book.now
        if offset is None:
            assert self.page.document.is_ended or self.page.is_too_large
            self.stage = Stage.REFUSED
        else:
            assert not self.page.document.is_ended
            self.stage = Stage.GRANTED
            self.book.hold(self.page, offset)


@dataclass(eq=False)
class RecordingDevice:
    """Asserts that a page comes aboard once, whole, in room enough, and alone if it must."""

    book: Book
    number: int
    is_ready: bool = False
    is_killed: bool = False
    has_hung_up: bool = False
    aboard: dict[int, BookPage] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)

    @property
    def is_there(self) -> bool:
        return not (self.is_killed or self.has_hung_up)

    def send(self, message: Any) -> None:
        if isinstance(message, ReadPage):
            self._take(message)
        elif isinstance(message, DropPage):
            assert message.page in self.aboard and message.page not in self.dropped
            self.dropped.add(message.page)
        else:
            assert isinstance(message, LimitBatch) and self.is_ready

    def kill(self) -> None:
        assert not self.is_killed
        assert self.aboard or not self.is_ready, "an idle worker is killed"
        self.is_killed = True

    def _take(self, message: ReadPage) -> None:
        assert self.is_ready and self.is_there
        page = self.book.at_offset[message.offset]
        assert page.where is Where.READY and not page.document.is_ended
        assert page.size is not None
        assert (message.width_px, message.height_px) == (page.size.width_px, page.size.height_px)
        assert message.deadline == page.document.deadline
        assert not (page.must_be_alone and self.aboard), "a lone page joins others"
        assert not any(other.must_be_alone for other in self.aboard.values()), "others join a lone page"
        self._assert_there_is_a_seat(page)
        page.where = Where.ABOARD
        self.aboard[message.page] = page

    def _assert_there_is_a_seat(self, page: BookPage) -> None:
        """The last ones are for documents that have no page aboard anywhere."""
        if len(self.aboard) >= self.book.pages_wanted:
            assert len(self.aboard) < self.book.pages_wanted + RESERVED_SEATS
            aboard = [other for device in self.book.devices for other in device.aboard.values()]
            assert not [other for other in aboard if other.document is page.document]


@dataclass(eq=False)
class Book:
    """Everything that the engine was told and has told."""

    scratch: Path
    arena_bytes: int
    page_seconds: float
    pages_wanted: int
    now: float = 100.0
    is_draining: bool = False
    documents: dict[str, BookDocument] = field(default_factory=dict)
    clients: list[RecordingClient] = field(default_factory=list)
    renderers: list[RecordingRenderer] = field(default_factory=list)
    devices: list[RecordingDevice] = field(default_factory=list)
    at_offset: dict[int, BookPage] = field(default_factory=dict)
    fruitless_deaths: Counter[int] = field(default_factory=Counter)
    failed_starts: Counter[int] = field(default_factory=Counter)
    is_lost: bool = False

    def spawn_renderer(self) -> RecordingRenderer:
        self.renderers.append(RecordingRenderer(self))
        return self.renderers[-1]

    def spawn_device(self, number: int) -> RecordingDevice:
        assert number not in self.given_up
        assert number not in [device.number for device in self.devices]
        self.devices.append(RecordingDevice(self, number))
        return self.devices[-1]

    @property
    def given_up(self) -> set[int]:
        """Devices whose workers died so often without reading a page, or without coming up."""
        deaths, starts = self.fruitless_deaths, self.failed_starts
        return {
            number
            for number in deaths
            if deaths[number] >= MAX_FRUITLESS_DEATHS or starts[number] >= MAX_FAILED_STARTS
        }

    # --- the arena ---

    def hold(self, page: BookPage, offset: int) -> None:
        """Raises AssertionError where a byte of it belongs to another page."""
        page.offset = offset
        end = offset + rounded_bytes(page)
        assert offset >= 0 and end <= self.arena_bytes
        for other in self.at_offset.values():
            assert other.offset is not None
            assert end <= other.offset or other.offset + rounded_bytes(other) <= offset, "bytes given twice"
        self.at_offset[offset] = page

    def release(self, page: BookPage) -> None:
        if page.offset is not None:
            del self.at_offset[page.offset]
            page.offset = None

    @property
    def num_held_bytes(self) -> int:
        return sum(rounded_bytes(page) for page in self.at_offset.values())

    # --- pages ---

    @property
    def wanted_pages(self) -> Iterator[BookPage]:
        open_documents = (document for document in self.documents.values() if not document.is_ended)
        return (page for document in open_documents for page in document.pages)

    def done(self, page: BookPage, outcome: str, *, has_failed: bool) -> None:
        """The page has its result; its document, if anybody waits for it, is told."""
        self.release(page)
        page.where, page.outcome, page.has_failed = Where.DONE, outcome, has_failed

    def leave_device(self, device: RecordingDevice, key: int) -> BookPage:
        device.dropped.discard(key)
        return device.aboard.pop(key)

    def charge(self, page: BookPage) -> None:
        """It failed while it was alone."""
        page.lone_failures += 1
        if page.document.is_ended or page.lone_failures >= MAX_STRIKES:
            self.done(page, "page_failed_on_device", has_failed=True)
        else:
            self.run_alone(page)

    def run_alone(self, page: BookPage) -> None:
        page.must_be_alone = True
        page.where = Where.READY
        if page.document.is_ended:
            self.done(page, "", has_failed=False)

    def device_died(self, device: RecordingDevice) -> None:
        self.devices.remove(device)
        if device.number not in self.given_up:
            self.fruitless_deaths[device.number] += 1
            self.failed_starts[device.number] += 1
        pages = list(device.aboard.values())
        for page in pages:
            if len(pages) == 1:
                self.charge(page)
            else:
                self.run_alone(page)

    def renderer_free(self, renderer: RecordingRenderer) -> None:
        renderer.stage, renderer.document, renderer.page = Stage.IDLE, None, None

    def renderer_died(self, renderer: RecordingRenderer) -> None:
        self.renderers.remove(renderer)
        if renderer.stage is Stage.OPENING and renderer.document is not None:
            self._opening_died(renderer, renderer.document)
        elif renderer.page is not None:
            self._rendering_died(renderer, renderer.page)

    def _opening_died(self, renderer: RecordingRenderer, document: BookDocument) -> None:
        document.opening_deaths += 1
        document.where = Where.UNSTARTED
        if renderer.is_killed:
            document.faults.add("page_render_timeout")
        elif document.opening_deaths >= MAX_STRIKES:
            document.faults.add("document_unreadable")

    def _rendering_died(self, renderer: RecordingRenderer, page: BookPage) -> None:
        page.renderer_deaths += 1
        if renderer.is_killed:
            self.done(page, "page_render_timeout", has_failed=True)
        elif page.renderer_deaths >= MAX_STRIKES:
            self.done(page, "page_crashed_renderer", has_failed=True)
        else:
            self.release(page)
            page.where = Where.UNSTARTED


def rounded_bytes(page: BookPage) -> int:
    assert page.size is not None
    return -(-page.size.num_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
