"""A simulated caller, who judges the answer: once, right, and no error that nobody can account for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from quire.engine.messages import Accepted, Failed, Finished, Progress, Submit
from quire.words.errors import ERRORS_BY_CODE, Fault
from quire.words.reading import PageResult
from quire.words.request import DocumentRequest, ReadOptions
from tests.engine.simulation_documents import Fate, SimulatedDocument, SimulatedPage
from tests.engine.simulation_workers import Charges, World

_LATE_SECONDS = 0.001
"""The answer at the deadline comes at the deadline."""

_decoder = msgspec.json.Decoder(PageResult)


@dataclass(frozen=True)
class Visit:
    """Who comes when with which document, and how long they stay. Seconds of simulated time."""

    at: float
    document: SimulatedDocument
    deadline_seconds: float = 1e6
    hangs_up_after_seconds: float | None = None
    strict: bool = False


@dataclass(eq=False)
class SimulatedClient:
    """`ended_at` once it was answered or hung up. Raises AssertionError at a wrong answer."""

    world: World
    visit: Visit
    path: str
    pages_path: Path
    came_at: float
    has_hung_up: bool = False
    is_gone: bool = False
    ended_at: float | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    is_accepted: bool = False
    pages_done: int = 0

    @property
    def submit(self) -> Submit:
        request = DocumentRequest(
            path=Path(self.path),
            media_type="application/pdf",
            num_bytes=1,
            sha256="",
            options=ReadOptions(strict=self.visit.strict),
        )
        return Submit(
            request=request, pages_path=str(self.pages_path), deadline_seconds=self.visit.deadline_seconds
        )

    @property
    def seconds(self) -> float:
        """From its coming to its end."""
        assert self.ended_at is not None
        return self.ended_at - self.came_at

    @property
    def deadline(self) -> float:
        return self.came_at + self.visit.deadline_seconds

    def send(self, message: Any) -> None:
        """What crosses the hang-up is lost; nothing is sent once the engine has heard of it."""
        assert not self.is_gone, f"{message} to one who is gone"
        if self.has_hung_up:
            return
        assert self.ended_at is None, f"{message} after the answer"
        assert self.is_accepted or isinstance(message, Accepted), f"{message} before Accepted"
        if isinstance(message, Accepted):
            assert not self.is_accepted, "accepted twice"
            self.is_accepted = True
        elif isinstance(message, Progress):
            assert self.pages_done < message.pages_done < message.pages_total
            self.pages_done = message.pages_done
        else:
            self._end(message)

    def hang_up(self) -> None:
        self.has_hung_up, self.ended_at = True, self.world.clock.now
        self.world.num_present -= 1
        self.outcomes["hung up"] += 1

    def _end(self, answer: Finished | Failed) -> None:
        self.ended_at = self.world.clock.now
        self.world.num_present -= 1
        assert self.ended_at <= self.deadline + _LATE_SECONDS, "answered after the deadline"
        if isinstance(answer, Failed):
            self.outcomes[f"failed: {answer.fault.code}"] += 1
            self._judge_failure(answer.fault)
        else:
            self._judge_pages(answer)
        self.pages_path.unlink(missing_ok=True)

    def _judge_pages(self, answer: Finished) -> None:
        """Each page once; each with its own text, or an error that it had coming."""
        pages = self.visit.document.pages
        assert answer.num_pages == len(pages)
        lines = self.pages_path.read_bytes().splitlines()
        results = sorted((_decoder.decode(line) for line in lines), key=lambda result: result.page)
        assert [result.page for result in results] == list(range(1, len(pages) + 1))
        for result, page in zip(results, pages, strict=True):
            if result.error is None:
                assert page.is_good, f"page {page} was read"
                assert result.text == page.text
            else:
                assert result.error.code in self._possible_codes(page), f"{result.error} for {page}"
                self.outcomes[f"page: {result.error.code}"] += 1
        is_partial = any(result.error for result in results)
        assert not (is_partial and self.visit.strict)
        self.outcomes["partial" if is_partial else "complete"] += 1
        self.outcomes["page: read"] += sum(1 for result in results if result.error is None)

    def _judge_failure(self, fault: Fault) -> None:
        assert fault.code in ERRORS_BY_CODE
        document, opening_deaths = self.visit.document, self.world.charges.at_opening[self.path]
        possible = self._own_codes()
        if document.opening in (Fate.FAILS, Fate.CRASHES) or opening_deaths >= 2:
            possible.add("document_unreadable")
        if document.opening is Fate.HANGS:
            possible.add("page_render_timeout")
        codes = [self._possible_codes(page) for page in document.pages]
        if all(codes) or (self.visit.strict and any(codes)):
            possible |= set[str]().union(*codes)
        if all(codes):
            possible.add("document_error")
        assert fault.code in possible, f"{fault} for {self.path}, where {possible} were possible"

    def _possible_codes(self, page: SimulatedPage) -> set[str]:
        return possible_codes(page, self.world.charges) | self._own_codes() - {"shutting_down"}

    def _own_codes(self) -> set[str]:
        """Errors that the hour accounts for."""
        world = self.world
        seen = {
            "deadline_exceeded": world.clock.now >= self.deadline,
            "shutting_down": world.clock.now >= world.drains_at,
            "engine_lost": world.is_lost(),
        }
        return {code for code, is_possible in seen.items() if is_possible}


def possible_codes(page: SimulatedPage, charges: Charges) -> set[str]:
    """Errors that the page itself, or two deaths that it was to blame for, account for."""
    seen = {
        "page_unreadable": page.fate is Fate.FAILS,
        "page_render_timeout": page.fate is Fate.HANGS,
        "page_crashed_renderer": charges.at_renderer[page.number] >= 2,
        "page_failed_on_device": charges.alone_on_device[page.number] >= 2,
    }
    return {code for code, is_possible in seen.items() if is_possible}
