"""An engine without processes: clients and workers that only remember what they were told."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from quire.engine.arena import ArenaLedger
from quire.engine.device_pool import DevicePool
from quire.engine.engine import Engine
from quire.engine.events import DeviceEvents, RenderEvents
from quire.engine.messages import (
    DeviceReady,
    Failed,
    Finished,
    GrantPixels,
    Measured,
    OpenDocument,
    Opened,
    ReadPage,
    Rendered,
    RendererReady,
    RenderPage,
    Submit,
)
from quire.engine.render_pool import RenderPool
from quire.words.reading import ModelInfo, PageResult, PageSize, PageText
from quire.words.request import DocumentRequest, ReadOptions

SIZE = PageSize(width_px=1000, height_px=1000, dpi=200.0)
TEXT = PageText(text="words", lines=(), blocks=())
READY = DeviceReady(model=ModelInfo(name="m", revision="1"), device="none", precision="none", pages_wanted=4)
Kind = TypeVar("Kind")


class Recorder:
    """A client or a worker that only remembers."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.is_killed = False

    def send(self, message: Any) -> None:
        self.told.append(message)

    def kill(self) -> None:
        self.is_killed = True

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [message for message in self.told if isinstance(message, kind)]

    def last(self, kind: type[Kind]) -> Kind:
        return self.all(kind)[-1]


class House:
    """An engine with `renderers` and `devices` places, and a clock that stands until it is moved."""

    def __init__(self, scratch: Path, *, renderers: int = 1, devices: int = 1, arena_bytes: int = 1 << 26):
        self.scratch = scratch
        self.now = 100.0
        self.renderers: list[Recorder] = []
        self.devices: list[Recorder] = []
        self.clients: list[Recorder] = []
        self.paths: dict[int, Path] = {}
        self.numbers = count()
        self.engine = Engine(
            renderers=RenderPool(lambda: self._spawn(self.renderers), renderers, page_seconds=60.0),
            devices=DevicePool(
                lambda device: self._spawn(self.devices), devices, stall_seconds=300.0, startup_seconds=600.0
            ),
            arena=ArenaLedger(arena_bytes),
            drain_seconds=20.0,
            max_pages=1000,
        )
        self.render_events = RenderEvents(self.engine)
        self.device_events = DeviceEvents(self.engine)
        self.step()

    def _spawn(self, kind: list[Recorder]) -> Recorder:
        kind.append(Recorder())
        return kind[-1]

    def step(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.engine.step(self.now)

    def warm(self) -> None:
        for device in self.devices:
            self.device_says(READY, device)
        self.warm_renderers()

    def warm_renderers(self) -> None:
        for renderer in self.renderers:
            self.renderer_says(RendererReady(), renderer)

    def submit(
        self, *, deadline_seconds: float = 870.0, pages_path: str | None = None, **options: Any
    ) -> Recorder:
        client, number = Recorder(), next(self.numbers)
        self.clients.append(client)
        self.paths[id(client)] = Path(pages_path or self.scratch / f"{number}.jsonl")
        request = DocumentRequest(
            path=self.scratch / f"{number}.pdf",
            media_type="application/pdf",
            num_bytes=1,
            sha256="",
            options=ReadOptions(**options),
        )
        submit = Submit(
            request=request, pages_path=str(self.paths[id(client)]), deadline_seconds=deadline_seconds
        )
        self.engine.submit(client, submit, self.now)
        self.step()
        return client

    def renderer_says(self, message: Any, renderer: Recorder | None = None) -> None:
        self.render_events.report(renderer or self.renderers[-1], message, self.now)
        self.step()

    def device_says(self, message: Any, device: Recorder | None = None) -> None:
        self.device_events.report(message, device or self.devices[-1], self.now)
        self.step()

    def renderer_dies(self) -> None:
        self.render_events.died(self.renderers[-1], self.now)
        self.step(60.0)
        self.renderer_says(RendererReady())

    def device_dies(self) -> None:
        """The newest; its successor, if there is one, comes up."""
        num_started = len(self.devices)
        self.device_events.died(self.devices[-1], self.now)
        self.step(60.0)
        if len(self.devices) > num_started:
            self.device_says(READY)

    def open(self, num_pages: int) -> None:
        self.renderer_says(Opened(job=self.renderers[-1].last(OpenDocument).job, num_pages=num_pages))

    def render(self, size: PageSize = SIZE) -> None:
        """The renderer draws the page that it was asked for last."""
        job = self.renderers[-1].last(RenderPage).job
        self.renderer_says(Measured(job=job, size=size))
        assert self.renderers[-1].last(GrantPixels).job == job
        self.renderer_says(Rendered(job=job))

    def pages(self, client: Recorder) -> list[PageResult]:
        lines = self.paths[id(client)].read_bytes().splitlines()
        found = [msgspec.json.decode(line, type=PageResult) for line in lines]
        return sorted(found, key=lambda page: page.page)

    def aboard(self) -> list[int]:
        return [message.page for message in self.devices[-1].all(ReadPage)]

    def assert_at_rest(self) -> None:
        """Nothing is left behind."""
        assert not self.engine.orders
        assert not self.engine.ready_pages
        assert self.engine.arena.num_free_bytes == self.engine.arena.num_bytes


def answers(client: Recorder) -> list[Any]:
    return client.all(Finished) + client.all(Failed)
