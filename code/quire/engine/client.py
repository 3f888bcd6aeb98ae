"""The caller's side of the engine: hand over a document, wait, get its reading or one typed error."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from quire.engine.channel import Channel, PeerGone
from quire.engine.hang_up import HasFileno, wait_readable
from quire.engine.messages import Accepted, Failed, Finished, FromEngine, Progress, Submit, ToEngine
from quire.words.errors import DeadlineExceeded, EngineLost, ShuttingDown
from quire.words.reading import DocumentReading, PageResult, Source
from quire.words.request import DocumentRequest

_MAX_DEATHS = 2
"""A document whose engine died is handed to the next one, once: it may be what killed it."""

_GRACE_SECONDS = 5.0
"""How long past the deadline the engine's own answer is waited for."""

_RECONNECT_SECONDS = 0.2

_page_decoder = msgspec.json.Decoder(PageResult)


class EngineClient:
    """Cheap to make and to share between threads: each document has a connection of its own.

    `scratch` takes the results in flight. The engine removes those of a client that is gone.
    """

    def __init__(self, address: Path, scratch: Path) -> None:
        self._address = address
        self._scratch = scratch
        self._is_closed = False

    def close(self) -> None:
        """There will be no other engine: whoever loses this one is told to send the document again."""
        self._is_closed = True

    def read(
        self,
        request: DocumentRequest,
        *,
        deadline: float,
        caller: HasFileno | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> DocumentReading:
        """Waits until the document is read. `deadline` is of time.monotonic(). Raises the QuireError
        that the engine answers with, DeadlineExceeded, EngineLost, and CallerGone when `caller`
        hangs up; then the engine frees the document's pages."""
        num_deaths = 0
        while num_deaths < _MAX_DEATHS:
            pages = self._scratch / f"pages-{secrets.token_hex(8)}.jsonl"
            submission = _Submission(request, pages, deadline, caller, on_progress)
            try:
                with contextlib.closing(self._connect(deadline, caller)) as engine:
                    return submission.run(engine)
            except PeerGone:
                num_deaths += submission.is_accepted
            finally:
                pages.unlink(missing_ok=True)
        raise EngineLost("the engine died twice while it held the document; send it again")

    def _connect(self, deadline: float, caller: HasFileno | None) -> Channel[ToEngine, FromEngine]:
        """Waits for an engine that is being restarted: nothing announces a socket's coming to life."""
        while True:
            try:
                return Channel.connect(self._address, FromEngine)
            except PeerGone:
                if self._is_closed:
                    raise ShuttingDown("the container is stopping; send the document again") from None
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise DeadlineExceeded("the deadline passed while the engine was restarted") from None
                wait_readable(None, caller, min(_RECONNECT_SECONDS, remaining))


@dataclass
class _Submission:
    """One document at one engine. `is_accepted` once the engine had it."""

    request: DocumentRequest
    pages_path: Path
    deadline: float
    caller: HasFileno | None
    on_progress: Callable[[Progress], None]
    is_accepted: bool = False

    def run(self, engine: Channel[ToEngine, FromEngine]) -> DocumentReading:
        """Raises PeerGone when the engine dies before it has answered."""
        remaining = max(0.001, self.deadline - time.monotonic())
        engine.send(Submit(request=self.request, pages_path=str(self.pages_path), deadline_seconds=remaining))
        while True:
            message = self._receive(engine)
            if isinstance(message, Accepted):
                self.is_accepted = True
            elif isinstance(message, Progress):
                self.on_progress(message)
            elif isinstance(message, Failed):
                raise message.fault.error()
            elif isinstance(message, Finished):
                return _reading(self.request, message, self.pages_path)

    def _receive(self, engine: Channel[ToEngine, FromEngine]) -> FromEngine:
        while True:
            remaining = self.deadline + _GRACE_SECONDS - time.monotonic()
            if remaining <= 0:
                raise DeadlineExceeded("the engine did not answer in time")
            if wait_readable(engine, self.caller, remaining):
                return engine.receive()


def _reading(request: DocumentRequest, finished: Finished, pages_path: Path) -> DocumentReading:
    with pages_path.open("rb") as lines:
        pages = sorted((_page_decoder.decode(line) for line in lines), key=lambda page: page.page)
    return DocumentReading(
        inference_id=request.inference_id,
        reference=request.options.reference,
        model=finished.model,
        source=Source(
            media_type=request.media_type,
            bytes=request.num_bytes,
            sha256=request.sha256,
            num_pages=finished.num_pages,
        ),
        pages=tuple(pages),
        timings_ms={name: round(value, 1) for name, value in finished.timings_ms.items()},
        fields=finished.fields,
        fields_error=finished.fields_error,
    )
