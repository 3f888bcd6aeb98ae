"""An engine client without an engine: each request's reference says how it is to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from quire.engine.hang_up import CallerGone, HasFileno, has_hung_up
from quire.engine.watch import Health
from quire.words.errors import ERRORS_BY_CODE
from quire.words.reading import DocumentReading, ModelInfo, Source
from quire.words.request import DocumentRequest

TICK_SECONDS = 0.01
HEALTH_FILE = "health"

READY = Health(is_healthy=True, is_ready=True, is_draining=False, reason="")
STARTING = Health(is_healthy=False, is_ready=False, is_draining=False, reason="starting")
HEALING = Health(is_healthy=True, is_ready=False, is_draining=False, reason="healing")
DRAINING = Health(is_healthy=False, is_ready=False, is_draining=True, reason="draining")


class EngineThatObeysTheReference:
    """`raise:<code>` raises that error, `defect` a KeyError, `sleep:<seconds>` takes so long and
    heeds a hang-up, `wait` lasts until the file `release` appears beside the scratch directory.
    `num_inside` and `most_inside` count who is being served."""

    def __init__(self, scratch: Path) -> None:
        self.release = scratch / "release"
        self.hung_up = scratch / "hung-up"
        self.most_inside_path = scratch / "most-inside"
        self._lock = threading.Lock()
        self.num_inside = 0
        self.most_inside = 0

    def read(
        self, request: DocumentRequest, *, deadline: float, caller: HasFileno | None = None
    ) -> DocumentReading:
        with self._lock:
            self.num_inside += 1
            self.most_inside = max(self.most_inside, self.num_inside)
            self.most_inside_path.write_text(str(self.most_inside))
        try:
            self._obey(request.options.reference or "", caller)
        finally:
            with self._lock:
                self.num_inside -= 1
        return reading_of(request)

    def _obey(self, order: str, caller: HasFileno | None) -> None:
        verb, _, argument = order.partition(":")
        if verb == "raise":
            raise ERRORS_BY_CODE[argument](f"the message of {argument}")
        if verb == "defect":
            raise KeyError("a secret of the container")
        if verb == "sleep":
            until = time.monotonic() + float(argument)
            self._idle(lambda: time.monotonic() < until, caller)
        if verb == "wait":
            self._idle(lambda: not self.release.exists(), caller)

    def _idle(self, is_to_wait: Callable[[], bool], caller: HasFileno | None) -> None:
        while is_to_wait():
            if caller is not None and has_hung_up(caller):
                self.hung_up.touch()
                raise CallerGone
            time.sleep(TICK_SECONDS)


def reading_of(request: DocumentRequest) -> DocumentReading:
    """A reading without pages that repeats the request's source."""
    return DocumentReading(
        inference_id=request.inference_id,
        reference=request.options.reference,
        model=ModelInfo(name="fake", revision="1"),
        source=Source(
            media_type=request.media_type, bytes=request.num_bytes, sha256=request.sha256, num_pages=0
        ),
        pages=(),
        timings_ms={},
    )


class WatchThatIsTold:
    """An engine watch whose health is set by hand."""

    def __init__(self, health: Health = READY) -> None:
        self._health = health
        self._callbacks: list[Callable[[Health], None]] = []

    def start(self) -> None:
        """Nothing to watch."""

    def stop(self) -> None:
        """Nothing to end."""

    def health(self) -> Health:
        return self._health

    def subscribe(self, callback: Callable[[Health], None]) -> None:
        self._callbacks.append(callback)

    def tell(self, health: Health) -> None:
        self._health = health
        for callback in self._callbacks:
            callback(health)
