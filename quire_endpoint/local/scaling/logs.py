"""Where do the lines go that containers print and the endpoint says of its invocations?"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from quire_endpoint.local.clock import Clock, as_text
from quire_endpoint.local.scaling.kept_lines import KeptLines

KEPT_STREAMS = 100
"""In memory; of more, those that were written to last."""

_UNSAFE = re.compile(r"[^A-Za-z0-9/-]")


class FileLogs:
    """ports.Logs, in files beneath `folder` that are named as the endpoint and the stream are, each line
    after the clock's time. A file is made with its first line, has all of them, and stays when the endpoint
    has gone; the last ones are in memory too."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._streams: dict[tuple[str, str], KeptLines] = {}
        self._written: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Of the same streams, the one that was written to longest ago first."""
        self._listeners: list[Callable[[str, str, str], None]] = []

    def listen(self, listener: Callable[[str, str, str], None]) -> None:
        """Calls `listener` with the endpoint's name, the stream and every later line, on the thread that
        writes it and in the lines' order. It must return at once."""
        self._listeners.append(listener)

    def write(self, endpoint_name: str, stream: str, line: str) -> None:
        path = self.path(endpoint_name, stream)
        with self._lock:
            known = self._streams.get((endpoint_name, stream))
            if known is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                known = self._streams[endpoint_name, stream] = KeptLines()
            known.append(line)
            self._note(endpoint_name, stream)
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{as_text(self._clock.now())} {line}\n")
            for listener in self._listeners:
                listener(endpoint_name, stream, line)

    def _note(self, endpoint_name: str, stream: str) -> None:
        self._written[endpoint_name, stream] = None
        self._written.move_to_end((endpoint_name, stream))
        while len(self._written) > KEPT_STREAMS:
            forgotten, _ = self._written.popitem(last=False)
            del self._streams[forgotten]

    def lines(self, endpoint_name: str, stream: str) -> Sequence[str]:
        with self._lock:
            return list(self._streams.get((endpoint_name, stream), ()))

    def streams(self, endpoint_name: str) -> Sequence[str]:
        """In order of their first lines."""
        with self._lock:
            return [stream for endpoint, stream in self._streams if endpoint == endpoint_name]

    def path(self, endpoint_name: str, stream: str) -> Path:
        """The stream's file."""
        name = _UNSAFE.sub("_", f"{endpoint_name}/{stream}").strip("/")
        return self._folder / f"{name}.log"
