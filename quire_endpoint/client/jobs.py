"""What does the ledger know of one document?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.client.errors import DocumentUnreadable
from quire_endpoint.client.request import Request
from quire_endpoint.client.settings import MAX_CALLS
from quire_endpoint.s3_location import S3Location


@dataclass(frozen=True)
class Attempt:
    """One inference id. `token` is its random part, and the name asked for its output. `is_answered` says
    that the call's answer is known, and with it the locations; without it the endpoint may have the job or
    not. `called_seconds` is when the call was made or, of one that is answered, when its answer came: a busy
    endpoint may have accepted it as late, and counts TTL and timeout from there. `told` is what a
    notification said of it, as it came."""

    number: int
    token: str
    inference_id: str
    called_seconds: float
    is_answered: bool = False
    output: S3Location | None = None
    failure: S3Location | None = None
    told: str | None = None


@dataclass(frozen=True)
class FileState:
    """A file that was written again has another."""

    size_bytes: int
    modified_nanoseconds: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Raises OSError."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Job:
    """A document in the ledger. `source` is a file, an object, or None for bytes. `input` is where it lies in
    S3 for the endpoint, once it does. `attempt` is the latest; `calls` counts them all. `file_state` is what
    the file was when it was entered, `unreadable` why it cannot be read any more, where that is known."""

    number: int
    reference: str
    source: Path | S3Location | None
    content_type: str
    request: Request
    identity: str
    input: S3Location | None = None
    calls: int = 0
    attempt: Attempt | None = None
    file_state: FileState | None = None
    unreadable: str | None = None

    @property
    def may_be_called(self) -> bool:
        """Once more."""
        return self.calls < MAX_CALLS and self.unreadable is None

    @property
    def inference_id(self) -> str:
        """The latest; empty before the first call."""
        return self.attempt.inference_id if self.attempt else ""


@dataclass(frozen=True)
class Entry:
    """A job to be attended to. `data` are its bytes where it came as bytes and is to be uploaded."""

    job: Job
    data: bytes | None = None


def source_as_text(source: Path | S3Location | bytes) -> str:
    """As the ledger keeps it: a file by a path that means the same in any directory. Raises
    DocumentUnreadable."""
    if isinstance(source, bytes):
        return json.dumps(["bytes", ""])
    if isinstance(source, S3Location):
        return json.dumps(["s3", str(source)])
    try:
        state = FileState.of(source)
    except OSError as error:
        raise DocumentUnreadable(f"{source}: {error.strerror}") from error
    return json.dumps(["file", str(source.absolute()), state.size_bytes, state.modified_nanoseconds])


def source_from_text(text: str) -> Path | S3Location | None:
    """Of source_as_text; None for bytes."""
    kind, value, *_ = json.loads(text)
    if kind == "bytes":
        return None
    return S3Location.parse(value) if kind == "s3" else Path(value)


def file_state_from_text(text: str) -> FileState | None:
    """Of source_as_text; None of what is no file."""
    kind, _, *state = json.loads(text)
    return FileState(*state) if kind == "file" and state else None
