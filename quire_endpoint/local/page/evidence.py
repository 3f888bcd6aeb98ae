"""What is known of one invocation, from all places where something was written of it?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from quire_endpoint.local.clock import as_date
from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.page.progress import Pages, pages_in
from quire_endpoint.local.page.seen import Seen
from quire_endpoint.local.ports import Backlog, NoSuchEndpoint, ObjectMissing
from quire_endpoint.local.specs import EndpointState
from quire_endpoint.s3_location import NoS3Location, S3Location

LINES_TOLD = 40
"""Of each log, the last that name the invocation."""

BODY_BYTES_TOLD = 4096
CHARACTERS_TOLD = 300

OURS = "[quire local]"
"""So begins what the endpoint itself writes to an instance's log."""

_DATA_LOG = "[sagemaker logs] "
_DATE_LENGTH = len("2022-03-23T11:23:17.723")


@dataclass(frozen=True)
class Evidence:
    """`entries` are of the latest use of the id, empty for an unknown one. `container_log` names the
    invocation; `instance_log` is the end of its instance's, whatever stands there. `state` and `backlog` are
    the endpoint's now, None once it is gone; `faults_on` are those that may strike it now."""

    inference_id: str
    entries: Sequence[Entry]
    now_seconds: float
    failure_object: str | None = None
    container_log: Sequence[str] = ()
    instance_log: Sequence[str] = ()
    data_log: Sequence[str] = ()
    pages: Pages | None = None
    state: EndpointState | None = None
    backlog: Backlog | None = None
    faults_on: frozenset[FaultKind] = frozenset()

    @property
    def ended(self) -> Entry | None:
        return next((entry for entry in reversed(self.entries) if entry.step is Step.ENDED), None)

    @property
    def ending(self) -> Ending | None:
        return self.ended.ending if self.ended else None

    @property
    def last_step(self) -> Step | None:
        return self.entries[-1].step if self.entries else None

    @property
    def end(self) -> str:
        """What the endpoint says of how it ended; empty where it has not, or went well."""
        return self.ended.detail if self.ended else ""

    @property
    def obituary(self) -> str:
        """What the endpoint says of the end of its last instance."""
        return "\n".join(line for line in self.instance_log if line.startswith(OURS))

    @property
    def status(self) -> str:
        """Of the container's last answer; empty where it gave none."""
        told = (entry.detail for entry in reversed(self.entries) if entry.step is Step.RESPONDED)
        return next(told, "")

    @property
    def error_message(self) -> str | None:
        """Of the container's error body, where it says one as JSON; else the body's beginning."""
        if self.failure_object is None:
            return None
        try:
            body = json.loads(self.failure_object)
        except ValueError:
            body = None
        error = body.get("error", body) if isinstance(body, dict) else None
        if isinstance(error, str):
            return error
        code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, None)
        if message is None:
            return " ".join(self.failure_object[:CHARACTERS_TOLD].split()) or None
        return f"{code}: {message}" if code else str(message)


def gather(seen: Seen, inference_id: str) -> Evidence:
    """Everything that names `inference_id`."""
    entries = seen.journal.timeline(inference_id)
    if not entries:
        kinds = frozenset(fault.kind for fault in seen.faults.all())
        return Evidence(inference_id, (), seen.clock.now(), faults_on=kinds)
    endpoint_name = entries[-1].endpoint_name
    container_log = _container_log(seen, endpoint_name, inference_id)
    data_log = _data_log(seen, entries)
    instance_log = _instance_log(seen, endpoint_name, entries)
    state, backlog = _endpoint(seen, endpoint_name)
    return Evidence(
        inference_id,
        entries,
        seen.clock.now(),
        _failure_object(seen, entries),
        container_log,
        instance_log,
        data_log,
        pages_in(container_log, [inference_id]).get(inference_id),
        state,
        backlog,
        frozenset(fault.kind for fault in seen.faults.all() if fault.endpoint_name in (None, endpoint_name)),
    )


def _container_log(seen: Seen, endpoint_name: str, inference_id: str) -> list[str]:
    """The lines that name it, and not one whose id only begins or ends with it."""
    name = re.compile(rf"(?<![\w-])(?<!\w\.){re.escape(inference_id)}(?![\w-]|\.\w)")
    return _told(seen, endpoint_name, lambda line: name.search(line) is not None, is_data_log=False)


def _data_log(seen: Seen, entries: Sequence[Entry]) -> list[str]:
    """The lines of it, since it was accepted."""
    began = as_date(entries[0].seconds).replace(tzinfo=None).isoformat(timespec="milliseconds")
    name = f"[{entries[0].inference_id}] "

    def is_of_it(line: str) -> bool:
        said = line.partition(_DATA_LOG)[2]
        return said.startswith(name) and line[:_DATE_LENGTH] >= began

    return _told(seen, entries[0].endpoint_name, is_of_it, is_data_log=True)


def _told(
    seen: Seen, endpoint_name: str, is_wanted: Callable[[str], bool], *, is_data_log: bool
) -> list[str]:
    told: list[str] = []
    for stream in seen.logs.streams(endpoint_name):
        if stream.endswith("/data-log") is is_data_log:
            lines = filter(is_wanted, reversed(seen.logs.lines(endpoint_name, stream)))
            told.extend(list(islice(lines, LINES_TOLD))[::-1])
    return told


def _instance_log(seen: Seen, endpoint_name: str, entries: Sequence[Entry]) -> list[str]:
    """Of the instance that it was given to last."""
    given = [entry.instance_id for entry in entries if entry.instance_id]
    streams = [name for name in seen.logs.streams(endpoint_name) if given and name.endswith(f"/{given[-1]}")]
    lines = [line for name in streams for line in seen.logs.lines(endpoint_name, name)]
    return lines[-LINES_TOLD:]


def _endpoint(seen: Seen, endpoint_name: str) -> tuple[EndpointState | None, Backlog | None]:
    try:
        return seen.host.state(endpoint_name), seen.host.backlog(endpoint_name)
    except NoSuchEndpoint:
        return None, None


def _failure_object(seen: Seen, entries: Sequence[Entry]) -> str | None:
    """The beginning of what stands at the failure location, where something was written there."""
    if not any(entry.ending is not None and entry.ending is not Ending.COMPLETED for entry in entries):
        return None
    for entry in reversed(entries):
        if entry.step is Step.UPLOADED:
            try:
                stored = seen.objects.find(S3Location.parse(entry.detail))
                with stored.path.open("rb") as body:
                    return body.read(BODY_BYTES_TOLD).decode(errors="replace")
            except (NoS3Location, ObjectMissing, OSError):
                continue
    return None
