"""What a handler may know beside its arguments: one context for the model, one for each invocation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from quire.engine.hang_up import CallerGone, HasFileno, has_hung_up
from quire.handlers.spooling import Spool
from quire.words.errors import DeadlineExceeded, writable
from quire.words.request import ReadOptions
from quire.words.settings import Settings


@dataclass(frozen=True)
class ModelContext:
    """What `model_fn` needs to reach the engine: its Unix socket and the directory shared with it. `gpu_id`
    counts among the GPUs that this process sees; None on the CPU."""

    settings: Settings
    engine_address: Path
    scratch: Path
    gpu_id: int | None = None


@dataclass
class InvocationNotes:
    """What becomes known of an invocation on its way, for its log line and its error answer."""

    inference_id: str | None = None
    reference: str | None = None
    num_bytes: int = 0
    num_pages: int | None = None


def when_later(first: float, move: Callable[[float], None]) -> Callable[[float], None]:
    """For `on_deadline`: calls `move` with each deadline that is later than `first` and all before it. An
    earlier one is kept by the engine, and binds nobody else."""
    latest, lock = first, threading.Lock()

    def hear(deadline: float) -> None:
        nonlocal latest
        with lock:
            if deadline > latest:
                latest = deadline
                move(deadline)

    return hear


@dataclass(frozen=True)
class RequestContext:
    """One invocation's surroundings. `directory` is its own and vanishes with it. `received_at` and
    `deadline` are time.monotonic(). `custom_attributes` is the header as the caller wrote it; so are all
    `headers`, by names such as `Content-Type`: the server that parsed them forgot the caller's capitals.
    `on_deadline` hears of each deadline that options name."""

    settings: Settings
    directory: Path
    received_at: float
    deadline: float
    custom_attributes: str = ""
    accept: str | None = None
    caller: HasFileno | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    notes: InvocationNotes = field(default_factory=InvocationNotes)
    on_deadline: Callable[[float], None] = lambda deadline: None

    @property
    def inference_id(self) -> str | None:
        return self.notes.inference_id

    @property
    def reference(self) -> str | None:
        return self.notes.reference

    @property
    def spool(self) -> Spool:
        return Spool(self.directory, self.settings.max_body_bytes, self.settings.min_free_disk_bytes)

    def with_options(self, options: ReadOptions) -> RequestContext:
        """The same invocation once its options are known: the deadline and reference hold that they name."""
        if options.reference is not None:
            self.notes.reference = writable(options.reference)
        if options.deadline_seconds is None:
            return self
        deadline = self.received_at + options.deadline_seconds
        self.on_deadline(deadline)
        return replace(self, deadline=deadline)

    def before_deadline(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks; raises DeadlineExceeded at the first that comes too late."""
        for chunk in chunks:
            if time.monotonic() >= self.deadline:
                raise DeadlineExceeded("the deadline passed while the document arrived")
            yield chunk

    def while_wanted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Chunks that somebody else sends: raises CallerGone as well, once the caller hung up."""
        for chunk in self.before_deadline(chunks):
            if self.caller is not None and has_hung_up(self.caller):
                raise CallerGone
            yield chunk
