"""What the front end and a handler worker say to each other, over one connection for each invocation."""

from __future__ import annotations

from pathlib import Path

from quire.engine.messages import Message
from quire.words.errors import Fault


class Invoke(Message, frozen=True, kw_only=True):
    """Answer the body that lies at `body`. `directory` is this run's own, and gone once it was answered.
    Times are of time.monotonic(), which all processes of a machine share. `grace_seconds` after the deadline
    nobody waits any more."""

    directory: Path
    body: Path
    num_bytes: int
    sha256: str
    content_type: str | None
    accept: str | None
    custom_attributes: str
    headers: dict[str, str]
    inference_id: str | None
    reference: str | None
    received_at: float
    deadline: float
    grace_seconds: float


class Taken(Message, frozen=True, kw_only=True):
    """The process `pid` has begun: what ends it from now on may be the invocation's doing."""

    pid: int


class DeadlineMoved(Message, frozen=True, kw_only=True):
    """The request's own options name a later deadline than its headers did."""

    deadline: float


class Answered(Message, frozen=True, kw_only=True):
    """The answer's bytes lie at `path`, in the run's directory. `status` is the HTTP status."""

    path: Path
    num_bytes: int
    content_type: str
    status: int
    reference: str | None
    num_pages: int | None


class Refused(Message, frozen=True, kw_only=True):
    """There is no answer. `status` is the HTTP status, which the handler may have chosen."""

    fault: Fault
    status: int
    reference: str | None


FromFrontEnd = Invoke
ToFrontEnd = Taken | DeadlineMoved | Answered | Refused
