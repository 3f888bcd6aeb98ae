"""A running engine among thousands of documents, some of them harmful, while its workers are killed at
random: what became of each document, and whether that is right."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from quire.engine.hang_up import CallerGone
from quire.words.errors import ANSWERABLE_ERRORS, QuireError
from quire.words.reading import DocumentReading, PageResult
from quire.words.request import DocumentRequest, ReadOptions
from tests.fakes.running_engine import RunningEngine
from tests.fakes.storm_documents import StormDocument, StormLibrary

WORKERS = ("quire.models.device_program", "quire.engine.render_worker")
BAD_LUCK = ("page_failed_on_device", "page_crashed_renderer", "document_unreadable")
"""What a good page or document may end in when two of the random kills have met it."""

_PATIENCE_SECONDS = 600.0
_HURRIES_SECONDS = (0.1, 0.5, 2.0)


@dataclass(frozen=True)
class Storm:
    """Of a thousand callers, so many are in a hurry or hang up; of a thousand pages, so many carry each
    marker."""

    num_documents: int
    num_threads: int = 24
    seed: int = 0
    kill_every_seconds: float = 1.0
    markers_per_thousand: int = 10
    hurries_per_thousand: int = 30
    hang_ups_per_thousand: int = 30


@dataclass
class StormReport:
    """`wrong` names every document that was not answered as it should."""

    documents: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    unlucky: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Caller:
    document: StormDocument
    patience_seconds: float
    hangs_up_after_seconds: float | None


class FaultStorm:
    """One storm over one engine, whose files lie in `folder`."""

    def __init__(self, engine: RunningEngine, folder: Path, storm: Storm) -> None:
        folder.mkdir()
        self._engine = engine
        self._storm = storm
        self._client = engine.client
        self._library = StormLibrary(folder, storm.seed, storm.markers_per_thousand)
        self._random = random.Random(storm.seed)
        self._lock = threading.Lock()
        self._num_ended = 0
        self.report = StormReport()

    def run(self) -> StormReport:
        began = time.monotonic()
        numbers = range(self._storm.num_documents)
        with self._killing(), ThreadPoolExecutor(self._storm.num_threads) as pool:
            for _ in pool.map(self._call, numbers):
                pass
        self.report.seconds = time.monotonic() - began
        return self.report

    # --- callers ---

    def _call(self, number: int) -> None:
        with self._lock:
            caller = self._next_caller()
        began = time.monotonic()
        outcome, wrong = self._read(caller)
        overdue = time.monotonic() - began >= caller.patience_seconds
        with self._lock:
            self.report.documents[outcome] += 1
            if outcome == "failed: deadline_exceeded" and not overdue:
                wrong = [*wrong, "late before its time"]
            self.report.wrong += [f"{caller.document.path.name}: {what}" for what in wrong]
        caller.document.path.unlink()

    def _next_caller(self) -> _Caller:
        storm, chance = self._storm, self._random
        is_in_hurry = chance.randrange(1000) < storm.hurries_per_thousand
        hangs_up = chance.randrange(1000) < storm.hang_ups_per_thousand
        return _Caller(
            self._library.document(),
            chance.choice(_HURRIES_SECONDS) if is_in_hurry else _PATIENCE_SECONDS,
            chance.uniform(0.0, 1.0) if hangs_up else None,
        )

    def _read(self, caller: _Caller) -> tuple[str, list[str]]:
        """What became of the document, and what is wrong with that."""
        document = caller.document
        try:
            with _on_the_line(caller.hangs_up_after_seconds) as line:
                reading = self._client.read(
                    _request(document), deadline=time.monotonic() + caller.patience_seconds, caller=line
                )
        except CallerGone:
            return "hung up", []
        except QuireError as error:
            return f"failed: {error.code}", self._judge_failure(document, error)
        return reading.status, self._judge(document, reading, caller)

    def _judge(self, document: StormDocument, reading: DocumentReading, caller: _Caller) -> list[str]:
        numbers = [page.page for page in reading.pages]
        if numbers != list(range(1, len(document.colours) + 1)):
            return [f"pages {numbers}"]
        is_patient = caller.patience_seconds == _PATIENCE_SECONDS
        return [what for page in reading.pages for what in self._judge_page(document, page, is_patient)]

    def _judge_page(self, document: StormDocument, page: PageResult, is_patient: bool) -> list[str]:
        index = page.page - 1
        code = page.error.code if page.error else "read"
        with self._lock:
            self.report.pages[code] += 1
        if code == "deadline_exceeded":
            return ["late"] if is_patient else []
        if document.is_faulty(index):
            return [] if code == "page_failed_on_device" else [f"its {document.markers[index]} page: {code}"]
        if code in BAD_LUCK:
            return self._bad_luck(document, code)
        return [] if page.text == document.text(index) else [f"page {page.page}: {code} {page.text!r}"]

    def _judge_failure(self, document: StormDocument, error: QuireError) -> list[str]:
        if type(error) not in ANSWERABLE_ERRORS:
            return [f"an error of no type: {error!r}"]
        if error.code == "deadline_exceeded":
            return []
        all_faulty = all(document.is_faulty(index) for index in range(len(document.colours)))
        if all_faulty and error.code == "page_failed_on_device":
            return []
        return self._bad_luck(document, error.code) if error.code in BAD_LUCK else [repr(error)]

    def _bad_luck(self, document: StormDocument, code: str) -> list[str]:
        with self._lock:
            self.report.unlucky.append(f"{document.path.name}: {code}")
        return []

    # --- kills ---

    @contextmanager
    def _killing(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._kill_until, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _kill_until(self, over: threading.Event) -> None:
        chance = random.Random(self._storm.seed + 1)
        while not over.wait(chance.expovariate(1 / self._storm.kill_every_seconds)):
            if self._engine.process.poll() is not None:
                self._client.close()  # nobody need wait for an engine that will not come back
            elif self._has_moved():
                self._kill_one(chance.choice(WORKERS))

    def _has_moved(self) -> bool:
        """Whether a document has ended since the last kill: workers that are killed faster than they
        start are given up in the end, and rightly."""
        num_ended = self.report.documents.total()
        if num_ended == self._num_ended:
            return False
        self._num_ended = num_ended
        return True

    def _kill_one(self, module: str) -> None:
        """The one that was up first: the other may still be starting."""
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(min(self._engine.worker_pids(module), key=started_at), signal.SIGKILL)
            self.report.kills[module.rpartition(".")[2]] += 1


def started_at(pid: int) -> int:
    """In ticks since the machine was started; nought for one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except OSError:
        return 0


@contextmanager
def _on_the_line(hangs_up_after_seconds: float | None) -> Iterator[socket.socket | None]:
    """A connection whose other end hangs up after a while; None for a caller who stays."""
    if hangs_up_after_seconds is None:
        yield None
        return
    ours, theirs = socket.socketpair()
    timer = threading.Timer(hangs_up_after_seconds, theirs.close)
    timer.start()
    try:
        yield ours
    finally:
        timer.cancel()
        timer.join()
        ours.close()
        theirs.close()


def _request(document: StormDocument) -> DocumentRequest:
    return DocumentRequest(
        path=document.path,
        media_type=document.media_type,
        num_bytes=document.path.stat().st_size,
        sha256="",
        options=ReadOptions(dpi=72),
    )
