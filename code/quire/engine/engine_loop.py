"""The engine's outside: the socket that clients connect to, the worker processes, the one wait."""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from quire.engine.arena import ArenaLedger, create_arena
from quire.engine.channel import Channel, PeerGone, readable
from quire.engine.child import Child
from quire.engine.device_pool import DevicePool
from quire.engine.device_worker import EXIT_MODEL_BROKEN
from quire.engine.engine import Engine
from quire.engine.events import DeviceEvents, RenderEvents
from quire.engine.messages import FromDevice, FromEngine, FromRenderer, Progress, Submit, ToEngine
from quire.engine.render_pool import RenderPool
from quire.words.json_lines import log_line

log = logging.getLogger("quire.engine")

_MAX_WAIT_SECONDS = 3600.0

_ACCEPT_AGAIN_SECONDS = 0.05
"""Out of descriptors: the client stays in the backlog and would wake the loop at once."""

PATIENCE_SECONDS = 2.0
"""How long the engine, which serves all, may wait for one process to read what it was sent."""


class EngineFatal(Exception):
    """No restart can help: the model cannot be loaded, or no device comes up."""


@dataclass(frozen=True)
class EngineParts:
    """What the loop is made of: commands of the workers, and the limits that hold for them."""

    render_command: tuple[str, ...]
    device_commands: tuple[tuple[str, ...], ...]
    num_render_workers: int
    arena_bytes: int
    render_page_seconds: float
    device_stall_seconds: float
    startup_seconds: float
    drain_seconds: float
    max_pages: int


class _Peer:
    """A client's connection. One that is gone, or reads nothing, harms nobody: it misses its progress,
    and is hung up on when it takes nothing else either."""

    def __init__(self, channel: Channel[FromEngine, ToEngine]) -> None:
        self.channel = channel
        channel.limit_sending(PATIENCE_SECONDS)

    def send(self, message: Any) -> None:
        if isinstance(message, Progress) and not self.channel.has_room:
            return
        try:
            self.channel.send(message)
        except PeerGone:
            self.channel.hang_up()


class _Process:
    """A child as the pools see it. One that takes no message is as good as dead."""

    def __init__(self, child: Child) -> None:
        self.child = child
        child.channel.limit_sending(PATIENCE_SECONDS)

    def send(self, message: Any) -> None:
        try:
            self.child.channel.send(message)
        except PeerGone:
            self.child.kill()

    def kill(self) -> None:
        self.child.kill()


class EngineLoop:
    """Runs an engine at a Unix socket until it has drained. Call `run` from the main thread."""

    def __init__(self, address: Path, parts: EngineParts) -> None:
        self._parts = parts
        self._arena_fd = create_arena(parts.arena_bytes)
        self._renderers: list[_Process] = []
        self._devices: list[_Process] = []
        self._peers: list[_Peer] = []
        self.engine = Engine(
            renderers=RenderPool(self._spawn_renderer, parts.num_render_workers, parts.render_page_seconds),
            devices=DevicePool(
                self._spawn_device,
                len(parts.device_commands),
                stall_seconds=parts.device_stall_seconds,
                startup_seconds=parts.startup_seconds,
            ),
            arena=ArenaLedger(parts.arena_bytes),
            drain_seconds=parts.drain_seconds,
            max_pages=parts.max_pages,
        )
        self._render_events = RenderEvents(self.engine)
        self._device_events = DeviceEvents(self.engine)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        address.unlink(missing_ok=True)
        self._listener.bind(str(address))
        self._listener.listen(1024)
        self._wakeup, self._wakeup_end = socket.socketpair()

    def _spawn_renderer(self) -> _Process:
        process = _Process(Child(self._parts.render_command, FromRenderer, arena_fd=self._arena_fd))
        self._renderers.append(process)
        return process

    def _spawn_device(self, device: int) -> _Process:
        command = self._parts.device_commands[device]
        process = _Process(Child(command, FromDevice, arena_fd=self._arena_fd))
        self._devices.append(process)
        return process

    def run(self) -> None:
        """Returns when it was told to stop by SIGTERM and nothing is left. Raises EngineFatal."""
        self._watch_signals()
        try:
            while not self.engine.is_drained:
                self.engine.step(time.monotonic())
                self._turn()
        finally:
            self._end_children()
            for peer in self._peers:
                peer.channel.close()

    def _watch_signals(self) -> None:
        for end in (self._wakeup, self._wakeup_end):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_end.fileno())
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _turn(self) -> None:
        """Waits until something happens and reports it to the engine."""
        sources: dict[Any, Callable[[], None]] = {
            self._listener: self._accept,
            self._wakeup: self._take_signal,
            **{peer.channel: partial(self._take_from_peer, peer) for peer in self._peers},
            **{child.child.channel: partial(self._take_from_renderer, child) for child in self._renderers},
            **{child.child.channel: partial(self._take_from_device, child) for child in self._devices},
        }
        wakeup = self.engine.next_wakeup()
        timeout = _MAX_WAIT_SECONDS if wakeup is None else max(0.0, wakeup - time.monotonic())
        for source in readable(list(sources), timeout):
            sources[source]()

    def _take_signal(self) -> None:
        """The stop signal has no handler of its own: what it wrote to the socket says it came."""
        if signal.SIGTERM in self._wakeup.recv(64):
            self.engine.drain(time.monotonic())

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log_line(log, logging.ERROR, "a client could not be taken", reason=str(error))
            time.sleep(_ACCEPT_AGAIN_SECONDS)
            return
        self._peers.append(_Peer(Channel(Connection(connection.detach()), ToEngine)))

    def _take_from_peer(self, peer: _Peer) -> None:
        try:
            message = peer.channel.receive()
        except PeerGone:
            self._peers.remove(peer)
            peer.channel.close()
            self.engine.client_gone(peer)
            return
        if isinstance(message, Submit):
            self.engine.submit(peer, message, time.monotonic())
        else:
            self.engine.watch(peer)

    def _take_from_renderer(self, process: _Process) -> None:
        try:
            self._render_events.report(process, process.child.channel.receive(), time.monotonic())
        except PeerGone:
            self._renderers.remove(process)
            self._bury(process, "render worker")
            self._render_events.died(process, time.monotonic())
            if self.engine.renderers.is_hopeless:
                raise EngineFatal("the render worker died at every start") from None

    def _take_from_device(self, process: _Process) -> None:
        try:
            self._device_events.report(process.child.channel.receive(), process, time.monotonic())
        except PeerGone:
            self._devices.remove(process)
            status = self._bury(process, "device worker")
            self._device_events.died(process, time.monotonic())
            if status == EXIT_MODEL_BROKEN:
                raise EngineFatal("the device worker cannot load its model") from None
            if self.engine.devices.is_hopeless:
                raise EngineFatal("the device worker died at every start") from None

    def _bury(self, process: _Process, name: str) -> int:
        """A worker that has closed its channel is of no more use, dead or not."""
        status = process.child.reap()
        log_line(log, logging.WARNING, f"{name} died", worker_pid=process.child.pid, exit_status=status)
        return status

    def _end_children(self) -> None:
        for process in [*self._renderers, *self._devices]:
            process.kill()
            process.child.reap()
