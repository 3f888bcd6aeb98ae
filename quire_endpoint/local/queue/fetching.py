"""Where does an invocation's body come from?"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.invocation import Invocation
from quire_endpoint.local.ports import ObjectMissing, StoredObject
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.s3_location import S3Location

_ATTEMPTS = 10
"""At a file whose object is replaced between its finding and its opening."""


class FetchFailed(Exception):
    """The input cannot be had; the message says why."""


@dataclass(frozen=True)
class Fetched:
    """An open file at its beginning: whoever fetched it closes it. `content_type` is the object's."""

    file: BinaryIO
    num_bytes: int
    content_type: str | None


def fetch(invocation: Invocation, neighbours: Neighbours, pause: Callable[[float], None]) -> Fetched:
    """Raises FetchFailed."""
    if invocation.body is not None:
        return _open_inline(invocation.body)
    assert invocation.input is not None
    _strike(invocation, neighbours, pause)
    return _open_object(invocation.input, neighbours)


def _open_inline(body: Path) -> Fetched:
    """The file goes with its invocation, which may end meanwhile."""
    try:
        return _opened(body.open("rb"), None)
    except OSError as error:
        raise FetchFailed(f"The body sent with the call could not be read: {error}") from error


def _strike(invocation: Invocation, neighbours: Neighbours, pause: Callable[[float], None]) -> None:
    faults, name = neighbours.faults, invocation.endpoint_name
    if (slow := faults.strikes(FaultKind.SLOW_DOWNLOAD, name)) is not None:
        pause(slow.seconds)
    if faults.strikes(FaultKind.DENIED_DOWNLOAD, name) is not None:
        raise FetchFailed(f"Access denied to {invocation.input}: the endpoint's role may not read it")
    if faults.strikes(FaultKind.FAILING_DOWNLOAD, name) is not None:
        raise FetchFailed(f"{invocation.input} could not be read: a fault that was asked for")


def _open_object(location: S3Location, neighbours: Neighbours) -> Fetched:
    for _ in range(_ATTEMPTS):
        try:
            found: StoredObject = neighbours.objects.find(location)
            return _opened(found.path.open("rb"), found.content_type)
        except ObjectMissing as error:
            raise FetchFailed(f"{location} could not be read: {error}") from error
        except FileNotFoundError:
            continue
        except OSError as error:
            raise FetchFailed(f"{location} could not be read: {error}") from error
    raise FetchFailed(f"{location} was replaced again and again while it was to be read")


def _opened(file: BinaryIO, content_type: str | None) -> Fetched:
    return Fetched(file, os.fstat(file.fileno()).st_size, content_type)
