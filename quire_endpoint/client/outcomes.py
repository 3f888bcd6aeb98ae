"""What became of a document?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from quire_endpoint.s3_location import S3Location


@dataclass(frozen=True)
class ModelError:
    """Why a document failed. `code` and `is_retryable` are the container's own words where its answer has
    Quire's shape; `message` is else the beginning of whatever it answered."""

    message: str
    code: str | None = None
    is_retryable: bool = False


@dataclass(frozen=True)
class Succeeded:
    """The whole answer lies at `output`, written at `completed_seconds` by S3's clock; None where S3 did not
    let it be looked at and only a notification tells of it. `calls` counts InvokeEndpointAsync."""

    reference: str
    inference_id: str
    calls: int
    output: S3Location
    completed_seconds: float | None = None


@dataclass(frozen=True)
class Partial:
    """An answer lies at `output` in which at least one page is an error. Known of Quire's formats only."""

    reference: str
    inference_id: str
    calls: int
    output: S3Location
    completed_seconds: float | None = None


@dataclass(frozen=True)
class Failed:
    """The container, or the endpoint, refused it for good; `failure` is the object that says so, where there
    is one. With code `not_submitted` it never came so far, and a later run tries again."""

    reference: str
    inference_id: str
    calls: int
    error: ModelError
    failure: S3Location | None = None
    completed_seconds: float | None = None


@dataclass(frozen=True)
class Expired:
    """The endpoint said that it waited in the queue longer than its TTL."""

    reference: str
    inference_id: str
    calls: int
    message: str


@dataclass(frozen=True)
class Lost:
    """Nothing was written and nobody told, though TTL, timeout and slack have passed, as often as it was
    submitted. `message` says what was seen."""

    reference: str
    inference_id: str
    calls: int
    message: str


Outcome = Succeeded | Partial | Failed | Expired | Lost

NOT_SUBMITTED = "not_submitted"

_KINDS: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Succeeded, Partial, Failed, Expired, Lost)
}


def as_json(outcome: Outcome) -> str:
    """One line, with `kind` first: what the ledger keeps and `quire results --json` prints."""
    members = asdict(outcome)
    for name in ("output", "failure"):
        if members.get(name) is not None:
            members[name] = str(getattr(outcome, name))
    return json.dumps({"kind": type(outcome).__name__, **members})


def from_json(text: str) -> Outcome:
    """Of as_json."""
    members: dict[str, Any] = json.loads(text)
    kind = _KINDS[members.pop("kind")]
    for name in ("output", "failure"):
        if members.get(name) is not None:
            members[name] = S3Location.parse(members[name])
    if "error" in members:
        members["error"] = ModelError(**members["error"])
    return kind(**members)
