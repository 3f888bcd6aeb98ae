"""What does a container say of itself: /ping, /execution-parameters?"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import time
from typing import Any

PING_SECONDS = 2.0
"""The Developer Guide, "your-algorithms-inference-code": the time-out of one attempt, in real seconds."""

_MAX_ANSWER_BYTES = 1 << 16


def ping(port: int, seconds: float = PING_SECONDS) -> str | None:
    """Why it is no success; None for a 200, to its last byte, within `seconds`."""
    try:
        status, _ = _get(port, "/ping", seconds)
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    return None if status == 200 else f"status {status}"


def advised_concurrency(port: int) -> int | None:
    """MaxConcurrentTransforms of /execution-parameters, which Batch Transform would ask for; None where the
    container does not say."""
    try:
        status, body = _get(port, "/execution-parameters", PING_SECONDS)
        told = json.loads(body) if status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    advised = told.get("MaxConcurrentTransforms") if isinstance(told, dict) else None
    return advised if isinstance(advised, int) and not isinstance(advised, bool) else None


def concurrency_warning(advised: int | None, used: int) -> str | None:
    """What is wrong where the endpoint gives a container more or less at once than it is made for."""
    if advised is None or advised == used:
        return None
    consequence = (
        "the rest waits inside the container, where its time-out runs"
        if used > advised
        else "the container is never full"
    )
    return (
        f"WARNING: the endpoint sends {used} invocations at once to each instance "
        f"(MaxConcurrentInvocationsPerInstance), but the container's /execution-parameters say "
        f"MaxConcurrentTransforms {advised}: {consequence}"
    )


def _get(port: int, path: str, seconds: float) -> tuple[int, bytes]:
    until = time.monotonic() + seconds
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as connection:
        connection.request("GET", path)
        with http.client.HTTPResponse(connection.sock, method="GET") as response:
            response.fp.close()
            response.fp = io.BufferedReader(_UntilMoment(connection.sock, until))
            response.begin()
            return response.status, response.read(_MAX_ANSWER_BYTES)


class _UntilMoment(io.RawIOBase):
    """What a socket receives until a moment of time.monotonic. A socket's own time-out begins anew with every
    byte, of which a slow container may send many."""

    def __init__(self, source: socket.socket, moment: float) -> None:
        self._source, self._moment = source, moment

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._moment - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._source.settimeout(left)
        return self._source.recv_into(buffer)
