"""A document in flight: which of its pages are where, what became of them, and how it ends."""

from __future__ import annotations

import contextlib
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from quire.engine.arena import Span
from quire.engine.messages import Failed, Finished, Submit
from quire.words.errors import (
    BadRequest,
    DeadlineExceeded,
    DocumentError,
    DocumentUnreadable,
    Fault,
    InsufficientStorage,
    QuireError,
)
from quire.words.reading import ModelInfo, PageResult, PageSize
from quire.words.request import DocumentRequest

_NO_SIZE = PageSize(width_px=0, height_px=0, dpi=None)


@dataclass(eq=False)
class PageTask:
    """One page on its way. `must_be_alone` once it failed on a device, or a worker died with it aboard.
    `is_ready` while it lies rendered and waits for a device. The charges are what its document was
    charged for it in advance. `is_text`: it is no page but the document's whole text."""

    key: int
    document: DocumentInFlight
    page_index: int
    size: PageSize | None = None
    span: Span | None = None
    num_renderer_deaths: int = 0
    num_lone_failures: int = 0
    must_be_alone: bool = False
    is_ready: bool = False
    is_text: bool = False
    began_at: float = 0.0
    rendering_charge_ms: float = 0.0
    boarding_charge_ms: float = 0.0

    @property
    def is_wanted(self) -> bool:
        return not self.document.is_ended


@dataclass(eq=False)
class DocumentInFlight:
    """Lives from its submission until its one answer. Page results are appended to its file as they
    come, so that memory does not grow with the document."""

    number: int
    submit: Submit
    received_at: float
    is_ended: bool = False
    num_pages: int = 0
    pages_total: int = 0
    pages_done: int = 0
    rendering_ms: float = 0.0
    reading_ms: float = 0.0
    queued_ms: float | None = None
    num_opening_deaths: int = 0
    progress_told_at: float = field(init=False)
    tasks: dict[int, PageTask] = field(default_factory=dict)
    fields: dict[str, Any] | None = None
    text_fault: Fault | None = None
    _is_text_begun: bool = False
    _unstarted: Iterator[int] = field(default_factory=lambda: iter(()))
    _next: deque[int] = field(default_factory=deque)
    _faults: dict[str, Fault] = field(default_factory=dict)
    _pages_failed: int = 0
    _sink: io.BufferedWriter | None = None

    def __post_init__(self) -> None:
        self.progress_told_at = self.received_at

    @property
    def request(self) -> DocumentRequest:
        return self.submit.request

    @property
    def deadline(self) -> float:
        return self.received_at + self.submit.deadline_seconds

    @property
    def is_decided(self) -> bool:
        """Whether its outcome is known: every page has ended, or one failed and `strict` was asked."""
        return self.pages_done == self.pages_total or (self.request.options.strict and bool(self._faults))

    def opened(self, num_pages: int, max_pages: int, *, can_be_asked: bool = False) -> None:
        """Now its pages can be rendered. Raises DocumentError, BadRequest for a prompt to a model that takes
        none, InsufficientStorage."""
        if self.request.options.asked is not None and not can_be_asked:
            raise BadRequest("prompt and max_tokens are for a model that writes, and this one does not")
        if num_pages < 1:
            raise DocumentUnreadable("the document has no pages")
        indices = self.request.options.pages.page_indices(num_pages, max_pages)
        try:
            self._sink = io.BufferedWriter(io.FileIO(self.submit.pages_path, "wb"))
        except OSError as error:
            raise InsufficientStorage("the scratch disk took no results") from error
        self.num_pages, self.pages_total = num_pages, len(indices)
        self._unstarted = iter(indices)
        self._advance()

    @property
    def has_unstarted_page(self) -> bool:
        return bool(self._next)

    def start_page(self, key: int) -> PageTask:
        task = PageTask(key=key, document=self, page_index=self._next.popleft())
        self._advance()
        self.tasks[key] = task
        return task

    def _advance(self) -> None:
        if not self._next:
            self._next.extend(index for index in [next(self._unstarted, None)] if index is not None)

    def page_ended(self, task: PageTask, result: PageResult) -> None:
        """Takes the page's one result. Raises InsufficientStorage when the disk is full."""
        del self.tasks[task.key]
        if task.is_text:
            self.fields, self.text_fault = result.fields, result.error
        else:
            self._write(result)

    def start_text(self, key: int) -> PageTask | None:
        """Its whole text, to be read once its pages are: None before that, afterwards, and where the
        document has failed. Raises InsufficientStorage."""
        if not self.is_decided or self._is_text_begun or self._document_fault() is not None:
            return None
        self._is_text_begun = True
        try:
            if self._sink is not None:
                self._sink.flush()
        except OSError as error:
            raise InsufficientStorage("the scratch disk is full") from error
        self.tasks[key] = PageTask(key=key, document=self, page_index=-1, size=_NO_SIZE, is_text=True)
        return self.tasks[key]

    def _write(self, result: PageResult) -> None:
        if self._sink is None:
            raise RuntimeError("a page ended before its document was opened: this is a bug")
        try:
            self._sink.write(msgspec.json.encode(result) + b"\n")
        except OSError as error:
            raise InsufficientStorage("the scratch disk is full") from error
        self.pages_done += 1
        if result.error is not None:
            self._pages_failed += 1
            self._faults.setdefault(result.error.code, result.error)

    def outcome(self, model: ModelInfo, now: float) -> Finished | Failed:
        """The answer once every page has ended."""
        fault = self._document_fault()
        if fault is not None:
            return Failed(fault=fault)
        self.close()
        timings = {
            "queued": self.queued_ms or 0.0,
            "rendering": self.rendering_ms,
            "reading": self.reading_ms,
            "total": (now - self.received_at) * 1000,
        }
        return Finished(
            model=model,
            num_pages=self.num_pages,
            timings_ms=timings,
            fields=self.fields,
            fields_error=self.text_fault,
        )

    def outcome_at_deadline(self, model: ModelInfo, now: float) -> Finished | Failed:
        late = DeadlineExceeded(f"the deadline of {self.submit.deadline_seconds:g} s passed")
        return self.outcome_cut_short(model, now, late)

    def outcome_cut_short(self, model: ModelInfo, now: float, error: QuireError) -> Finished | Failed:
        """What can be said now: the pages read, and an error entry for each that is not."""
        fault = Fault.of(error)
        if self.pages_done == self._pages_failed:
            return Failed(fault=fault)
        if any(task.is_text for task in self.tasks.values()):
            self.text_fault = fault
        open_pages = [task.page_index for task in self.tasks.values() if not task.is_text]
        for index in [*open_pages, *self._next, *self._unstarted]:
            self._write(PageResult.failed(index + 1, fault))
        return self.outcome(model, now)

    def _document_fault(self) -> Fault | None:
        """Why the document as a whole failed: every page did, or one did and `strict` was asked."""
        faults = list(self._faults.values()) + ([self.text_fault] if self.text_fault else [])
        if faults and self.request.options.strict:
            return faults[0]
        if not self._faults:
            return None
        if self._pages_failed < self.pages_done:
            return None
        ours = [fault for fault in self._faults.values() if not fault.is_callers]
        if ours or len(self._faults) == 1:
            return (ours or list(self._faults.values()))[0]
        return Fault.of(DocumentError("all pages failed: " + ", ".join(sorted(self._faults))))

    def close(self) -> None:
        """Flushes and closes the results. Raises InsufficientStorage when the disk is full."""
        sink, self._sink = self._sink, None
        if sink is not None:
            try:
                sink.close()
            except OSError as error:
                raise InsufficientStorage("the scratch disk is full") from error

    def discard(self) -> None:
        """Closes the results without caring whether the disk took them."""
        with contextlib.suppress(QuireError):
            self.close()

    def remove_results(self) -> None:
        """Nobody is left to read them, nor to remove them."""
        with contextlib.suppress(OSError):
            Path(self.submit.pages_path).unlink()
