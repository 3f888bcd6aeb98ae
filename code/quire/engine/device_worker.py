"""The device worker's loop: one wait over the engine's messages and the pipeline's reports. The model is
handed to it, so that this floor knows neither torch nor any model; the program that calls it stands with
the models."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from quire.engine.arena import ArenaMap
from quire.engine.channel import Channel, PeerGone, Sources
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import (
    BatchBegan,
    BatchFailed,
    BatchRun,
    DeviceReady,
    DropPage,
    FromDevice,
    PageFaulted,
    PageRead,
    ReadPage,
    ReadText,
    ToDevice,
)
from quire.engine.parent_death import die_with_parent
from quire.engine.port import AskableModel, PageModel, TextModel, Texts, fault_reason
from quire.engine.threaded_pipeline import ThreadedPipeline
from quire.words.reading import PageSize

EXIT_MODEL_BROKEN = 70
"""Exit status of a device worker whose model can never be loaded: it is not started again."""
EXIT_DEVICE_LOST = 71

_SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others want it. At Python's own 5 ms, a device stage of
many short calls stands still while another thread decodes."""

_CAN_WAIT = (BatchBegan, BatchRun)
"""The engine counts these and does nothing at once: they go with the next message that it waits for."""

_WAITS_SECONDS = 0.2
"""How long they wait for such a one. To send each takes two processes as long as all else that is done for
a batch."""

_UNSAYABLE = (ValueError, TypeError, OverflowError)
"""What encoding a message raises."""


class _PageOfText(msgspec.Struct, frozen=True):
    """Of a page's result what a model of texts reads: boxes and entities are not decoded."""

    page: int
    text: str


_page_decoder = msgspec.json.Decoder(_PageOfText)


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
            reads_texts=isinstance(loaded.model, TextModel),
            can_be_asked=isinstance(loaded.model, AskableModel),
        )
    )
    sys.setswitchinterval(_SWITCH_SECONDS)
    pipeline = ThreadedPipeline(loaded.model.lanes)
    letters = Letters(channel)
    lanes = LaneScheduler(loaded.model, letters.write, pipeline)
    sources = Sources(channel, pipeline)
    try:
        while True:
            lanes.step(time.monotonic())
            ready = sources.readable(_seconds_until(lanes.next_wakeup(), letters.due_at))
            if pipeline in ready:
                for report in pipeline.take():
                    lanes.report(report, time.monotonic())
            if channel in ready:
                _take_messages(channel, lanes, arena)
            letters.send_due(time.monotonic())
    except PeerGone:
        return


def say(channel: Channel[FromDevice, ToDevice], messages: Sequence[FromDevice]) -> None:
    """In one go. What no message can hold, such as half a surrogate pair in a model's text, costs only its
    page. Raises PeerGone."""
    try:
        channel.send_all(messages)
    except _UNSAYABLE:
        for message in messages:
            _say_alone(channel, message)


def _say_alone(channel: Channel[FromDevice, ToDevice], message: FromDevice) -> None:
    try:
        channel.send(message)
    except _UNSAYABLE as error:
        if not isinstance(message, PageRead):
            raise
        channel.send(PageFaulted(page=message.page, reason=f"its text cannot be sent: {error!a}"))


@dataclass
class Letters:
    """What is to be sent. `due_at` is when it must be: None where there is nothing. The engine knows of some
    batch whenever one is on the device, so that it sees a worker that freezes there."""

    channel: Channel[FromDevice, ToDevice]
    due_at: float | None = None
    _unsent: list[FromDevice] = field(default_factory=list)
    _num_batches_known: int = 0

    def write(self, message: FromDevice) -> None:
        self._unsent.append(message)
        is_first = isinstance(message, BatchBegan) and self._num_batches_known == 0
        if is_first or not isinstance(message, _CAN_WAIT):
            self.due_at = 0.0
        elif self.due_at is None:
            self.due_at = time.monotonic() + _WAITS_SECONDS

    def send_due(self, now: float) -> None:
        """Raises PeerGone."""
        if self.due_at is not None and now >= self.due_at:
            say(self.channel, self._unsent)
            for message in self._unsent:
                self._num_batches_known += isinstance(message, BatchBegan)
                self._num_batches_known -= isinstance(message, (BatchRun, BatchFailed))
            self._unsent.clear()
            self.due_at = None


def _seconds_until(*moments: float | None) -> float | None:
    """The first of them; None where there is none."""
    earliest = min((moment for moment in moments if moment is not None), default=None)
    return None if earliest is None else max(0.0, earliest - time.monotonic())


def _take_messages(channel: Channel[FromDevice, ToDevice], lanes: LaneScheduler, arena: ArenaMap) -> None:
    """All messages that have come."""
    for message in channel.receive_all():
        if isinstance(message, ReadPage):
            size = PageSize(width_px=message.width_px, height_px=message.height_px, dpi=None)
            lanes.add(message, arena.pixels(message.offset, size), time.monotonic())
        elif isinstance(message, ReadText):
            _add_text(channel, lanes, message)
        elif isinstance(message, DropPage):
            lanes.drop(message.page)
        else:
            lanes.limit(message)


def _add_text(channel: Channel[FromDevice, ToDevice], lanes: LaneScheduler, message: ReadText) -> None:
    """Results that cannot be read cost their document alone."""
    try:
        texts = texts_of(Path(message.path))
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        reason = f"its pages' results cannot be read: {fault_reason(error)!a}"
        say(channel, [PageFaulted(page=message.page, reason=reason)])
        return
    lanes.add(message, texts, time.monotonic())


def texts_of(results: Path) -> Texts:
    """The text of each page in the file, in order. Empty where the file is gone: so is the document's caller.
    Raises OSError, and MsgspecError for a line that is no page's result."""
    try:
        lines = results.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    pages = sorted((_page_decoder.decode(line) for line in lines), key=lambda page: page.page)
    return tuple(page.text for page in pages)
