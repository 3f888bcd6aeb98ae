"""The engine's outside: the socket that clients connect to, the worker processes, the one wait."""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from quire.engine.arena import ArenaLedger, create_arena
from quire.engine.burials import Burials
from quire.engine.channel import Channel, PeerGone
from quire.engine.child import Child
from quire.engine.connections import Outbox, Peer, Process
from quire.engine.device_pool import DevicePool
from quire.engine.device_worker import EXIT_MODEL_BROKEN
from quire.engine.engine import Engine
from quire.engine.events import DeviceEvents, RenderEvents
from quire.engine.hang_up import HasFileno
from quire.engine.messages import FromDevice, FromRenderer, Submit, ToEngine
from quire.engine.render_pool import RenderPool
from quire.words.json_lines import log_line

log = logging.getLogger("quire.engine")

_MAX_WAIT_SECONDS = 3600.0

_ACCEPT_AGAIN_SECONDS = 0.05
"""Out of descriptors: the client stays in the backlog and would wake the loop at once."""

_MAX_ACCEPTS_A_TURN = 64


class EngineFatal(Exception):
    """No restart can help: the model cannot be loaded, or no device comes up or reads a page."""


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


class EngineLoop:
    """Runs an engine at a Unix socket until it has drained. Call `run` from the main thread."""

    def __init__(self, address: Path, parts: EngineParts) -> None:
        self._parts = parts
        self._arena_fd = create_arena(parts.arena_bytes)
        self._outbox = Outbox()
        self._selector = selectors.DefaultSelector()
        self._burials = Burials(self._selector)
        self._peers: set[Peer] = set()
        self._processes: set[Process] = set()
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
        self._listener = _listen(address)
        self._wakeup, self._wakeup_end = socket.socketpair()
        self._watch(self._listener, self._accept)
        self._watch(self._wakeup, self._take_signal)

    def _watch(self, source: HasFileno, callback: Callable[[], None]) -> None:
        """`callback` is called in each turn in which `source` has something, until it is unregistered."""
        self._selector.register(source, selectors.EVENT_READ, callback)

    def _spawn_renderer(self) -> Process:
        child = Child(self._parts.render_command, FromRenderer, arena_fd=self._arena_fd)
        return self._adopt(child, self._take_from_renderer)

    def _spawn_device(self, device: int) -> Process:
        child = Child(self._parts.device_commands[device], FromDevice, arena_fd=self._arena_fd)
        return self._adopt(child, self._take_from_device)

    def _adopt(self, child: Child, take: Callable[[Process], None]) -> Process:
        process = Process(child, self._outbox)
        self._processes.add(process)
        self._watch(child.channel, partial(take, process))
        return process

    def run(self) -> None:
        """Returns when it was told to stop by SIGTERM and nothing is left. Raises EngineFatal when no
        document can be read any more; all were answered then."""
        self._watch_signals()
        try:
            while not self.engine.is_drained:
                self.engine.step(time.monotonic())
                self._outbox.flush(time.monotonic())
                if self.engine.lost_reason:
                    raise EngineFatal(self.engine.lost_reason)
                self._turn()
        finally:
            self._outbox.flush(float("inf"))
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
        """Waits until something happens and reports all that has happened to the engine."""
        wakeups = (self.engine.next_wakeup(), self._burials.next_wakeup, self._outbox.next_wakeup)
        wakeup = min((wakeup for wakeup in wakeups if wakeup is not None), default=float("inf"))
        timeout = min(_MAX_WAIT_SECONDS, max(0.0, wakeup - time.monotonic()))
        for key, _ in self._selector.select(timeout):
            key.data()
        self._burials.check(time.monotonic())

    def _take_signal(self) -> None:
        """The stop signal has no handler of its own: what it wrote to the socket says it came."""
        if signal.SIGTERM in self._wakeup.recv(64):
            self.engine.drain(time.monotonic())

    def _accept(self) -> None:
        """Those who have come, and what they sent at once."""
        for _ in range(_MAX_ACCEPTS_A_TURN):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                log_line(log, logging.ERROR, "a client could not be taken", reason=str(error))
                time.sleep(_ACCEPT_AGAIN_SECONDS)
                return
            peer = Peer(Channel(connection, ToEngine), self._outbox)
            self._peers.add(peer)
            self._watch(peer.channel, partial(self._take_from_peer, peer))
            self._take_from_peer(peer)

    def _take_from_peer(self, peer: Peer) -> None:
        try:
            for message in peer.channel.receive_all():
                if isinstance(message, Submit):
                    self.engine.submit(peer, message, time.monotonic())
                else:
                    self.engine.watch(peer)
        except PeerGone:
            self._peers.discard(peer)
            self._selector.unregister(peer.channel)
            peer.channel.close()
            self.engine.client_gone(peer)

    def _take_from_renderer(self, process: Process) -> None:
        try:
            for message in process.child.channel.receive_all():
                self._render_events.report(process, message, time.monotonic())
        except PeerGone:
            self.engine.renderers.hung_up(process)
            self._hung_up(process, partial(self._renderer_ended, process))

    def _take_from_device(self, process: Process) -> None:
        try:
            for message in process.child.channel.receive_all():
                self._device_events.report(message, process, time.monotonic())
        except PeerGone:
            self.engine.devices.hung_up(process)
            self._hung_up(process, partial(self._device_ended, process))

    def _hung_up(self, process: Process, ended: Callable[[int], None]) -> None:
        """A worker that has closed its channel is of no more use, dead or not."""
        self._processes.discard(process)
        self._selector.unregister(process.child.channel)
        self._burials.begin(process, ended, time.monotonic())

    def _renderer_ended(self, process: Process, status: int) -> None:
        _log_death("render worker", process, status)
        self._render_events.died(process, time.monotonic())

    def _device_ended(self, process: Process, status: int) -> None:
        _log_death("device worker", process, status)
        self._device_events.died(process, time.monotonic())
        if status == EXIT_MODEL_BROKEN:
            self.engine.give_up("the device worker cannot load its model", time.monotonic())

    def _end_children(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.child.reap()
        self._burials.end_all()


def _log_death(name: str, process: Process, status: int) -> None:
    log_line(log, logging.WARNING, f"{name} died", worker_pid=process.child.pid, exit_status=status)


def _listen(address: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    address.unlink(missing_ok=True)
    listener.bind(str(address))
    listener.listen(1024)
    listener.setblocking(False)
    return listener
