"""The device worker's loop: messages in, one batch, messages out. The model is handed to it, so that
this floor knows neither torch nor any model; the program that calls it stands with the models."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quire.engine.arena import ArenaMap
from quire.engine.channel import Channel, PeerGone
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import DeviceReady, DropPage, FromDevice, PageDropped, ReadPage, ToDevice
from quire.engine.parent_death import die_with_parent
from quire.engine.port import PageModel
from quire.words.reading import PageSize

EXIT_MODEL_BROKEN = 70
"""Exit status of a device worker whose model can never be loaded: it is not started again."""
EXIT_DEVICE_LOST = 71


@dataclass(frozen=True)
class LoadedModel:
    """A warm model and what the engine is told of it."""

    model: PageModel
    device: str
    precision: str
    pages_wanted: int


@dataclass(frozen=True)
class Inheritance:
    """What the engine gave to its child on the command line."""

    channel_fd: int
    parent_pid: int
    arena_fd: int

    @classmethod
    def from_argv(cls, argv: Sequence[str]) -> Inheritance:
        parser = argparse.ArgumentParser()
        for option in ("--channel-fd", "--parent-pid", "--arena-fd"):
            parser.add_argument(option, type=int, required=True)
        parsed, _ = parser.parse_known_args(argv)
        return cls(parsed.channel_fd, parsed.parent_pid, parsed.arena_fd)


def run_device_worker(inheritance: Inheritance, load: Callable[[], LoadedModel]) -> None:
    """Serves pages until the engine is gone. Raises DeviceLost; what `load` raises goes through."""
    die_with_parent(inheritance.parent_pid)
    channel: Channel[FromDevice, ToDevice] = Channel.from_fd(inheritance.channel_fd, ToDevice)
    arena = ArenaMap(inheritance.arena_fd)
    loaded = load()
    channel.send(
        DeviceReady(
            model=loaded.model.info,
            device=loaded.device,
            precision=loaded.precision,
            pages_wanted=loaded.pages_wanted,
        )
    )
    lanes = LaneScheduler(loaded.model, channel.send)
    try:
        while True:
            _take_messages(channel, lanes, arena)
            lanes.step(time.monotonic())
    except PeerGone:
        return


def _take_messages(channel: Channel[FromDevice, ToDevice], lanes: LaneScheduler, arena: ArenaMap) -> None:
    """All messages that have come; waits for one when there is nothing else to do."""
    while lanes.is_idle or channel.has_message():
        message = channel.receive()
        if isinstance(message, ReadPage):
            size = PageSize(width_px=message.width_px, height_px=message.height_px, dpi=None)
            lanes.add(message.page, arena.pixels(message.offset, size), time.monotonic())
        elif isinstance(message, DropPage):
            if lanes.drop(message.page):
                channel.send(PageDropped(page=message.page))
        else:
            lanes.limit(message)
