"""How do the lines of the logs come into CloudWatch Logs?"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.ports import EndpointHost, NoSuchEndpoint
from quire_endpoint.local.scaling.logs import FileLogs

_log = logging.getLogger(__name__)

GROUP = "/aws/sagemaker/Endpoints/{}"
MAX_EVENTS_IN_CALL = 1000
MAX_LINE_CHARACTERS = 60_000
"""Under the 256 KB that an event may have, whatever the characters."""

MAX_LINES = 100_000
"""Of one stream: moto keeps them in memory. The stream's file goes on."""

MAX_CHARACTERS = 32 << 20
"""Of one stream's lines together, for the same reason."""

DELAY_SECONDS = 0.5
"""On the wall, so that lines that come together are sent together."""


@dataclass(frozen=True)
class _Line:
    """`seconds` are the wall's: CloudWatch Logs refuses what lies over two hours ahead, as the clock does
    after two minutes where it runs sixty times as fast."""

    endpoint_name: str
    stream: str
    text: str
    seconds: float


class LogEvents:
    """A thread that copies every line into moto. Lines that a call of our own URL fails to bring there are
    dropped with a warning; any other exception in it is left to threading.excepthook."""

    def __init__(
        self,
        url: str,
        logs: FileLogs,
        host: EndpointHost,
        max_lines: int = MAX_LINES,
        max_characters: int = MAX_CHARACTERS,
    ) -> None:
        self._host = host
        self._max_lines, self._max_characters = max_lines, max_characters
        self._clients = OwnClients(url)
        self._regions: dict[str, str] = {}
        self._made: set[tuple[str, str]] = set()
        self._sent: Counter[tuple[str, str]] = Counter()
        self._num_characters: Counter[tuple[str, str]] = Counter()
        self._lines: list[_Line] = []
        self._latest_seconds = 0.0
        """CloudWatch Logs wants them in order, and the wall's clock may be set back."""
        self._woken = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="log-events", daemon=True)
        logs.listen(self._take)

    def start(self) -> None:
        self._thread.start()

    def expect(self, endpoint_name: str, region: str) -> None:
        """Lines of an endpoint that may be gone before the first of them is sent."""
        self._regions[endpoint_name] = region

    def close(self) -> None:
        """Returns once every line so far is sent."""
        with self._woken:
            self._is_closed = True
            self._woken.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._clients.close()

    def _take(self, endpoint_name: str, stream: str, line: str) -> None:
        with self._woken:
            if not self._is_closed:
                self._latest_seconds = max(self._latest_seconds, time.time())
                self._lines.append(_Line(endpoint_name, stream, line, self._latest_seconds))
                self._woken.notify_all()

    def _run(self) -> None:
        is_closed = False
        while not is_closed:
            with self._woken:
                self._woken.wait_for(lambda: self._lines or self._is_closed)
                self._woken.wait_for(lambda: self._is_closed, DELAY_SECONDS)
                is_closed = self._is_closed
                lines, self._lines = self._lines, []
            self._send(lines)

    def _send(self, lines: Sequence[_Line]) -> None:
        streams: dict[tuple[str, str], list[_Line]] = defaultdict(list)
        for line in lines:
            streams[line.endpoint_name, line.stream].append(line)
        for (endpoint_name, stream), own in streams.items():
            region = self._region_of(endpoint_name)
            if region is not None:
                try:
                    self._put(self._clients.of("logs", region), endpoint_name, stream, own)
                except (ClientError, BotoCoreError) as error:
                    _log.warning("%d lines of %s did not reach CloudWatch Logs: %s", len(own), stream, error)

    def _region_of(self, endpoint_name: str) -> str | None:
        """Remembered for the last lines of one that has gone."""
        with contextlib.suppress(NoSuchEndpoint):
            self._regions[endpoint_name] = self._host.spec(endpoint_name).region
        return self._regions.get(endpoint_name)

    def _put(self, client: Any, endpoint_name: str, stream: str, lines: Sequence[_Line]) -> None:
        key = (endpoint_name, stream)
        for part in _parts([line for line in lines if self._has_room(key, line)]):
            events = [_event(line) for line in part]
            names = {"logGroupName": GROUP.format(endpoint_name), "logStreamName": stream}
            if key not in self._made:
                self._make(client, names)
                self._made.add(key)
            try:
                client.put_log_events(**names, logEvents=events)
            except client.exceptions.ResourceNotFoundException:  # somebody has deleted the group
                self._make(client, names)
                client.put_log_events(**names, logEvents=events)

    def _has_room(self, key: tuple[str, str], line: _Line) -> bool:
        """In the stream, once what came before is in it."""
        self._sent[key] += 1
        self._num_characters[key] += min(len(line.text), MAX_LINE_CHARACTERS)
        return self._sent[key] <= self._max_lines and self._num_characters[key] <= self._max_characters

    def _make(self, client: Any, names: dict[str, str]) -> None:
        exists = client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            client.create_log_group(logGroupName=names["logGroupName"])
        with contextlib.suppress(exists):
            client.create_log_stream(**names)


def _event(line: _Line) -> dict[str, Any]:
    """An event's message is never empty."""
    return {"timestamp": int(line.seconds * 1000), "message": line.text[:MAX_LINE_CHARACTERS] or " "}


def _parts(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    rest = iter(lines)
    while part := list(islice(rest, MAX_EVENTS_IN_CALL)):
        yield part
