"""Those whom the engine talks to, and when what it says is sent: each write wakes a process, which costs
more than all else that is done for a message."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from quire.engine.channel import Channel, PeerGone
from quire.engine.child import Child
from quire.engine.messages import CloseDocument, Progress

PATIENCE_SECONDS = 2.0
"""How long the engine, which serves all, may wait for one process to read what it was sent."""

_CAN_WAIT = (Progress, CloseDocument)
"""Nobody does anything at once for these: they go with the next message to the same process."""

_WAITS_SECONDS = 0.2
"""How long they wait for such a one: who follows a document's progress sees it five times a second."""


class Outbox:
    """Who has something to be sent. Workers first: they wait for work."""

    def __init__(self) -> None:
        self._workers: dict[Connected, None] = {}
        self._clients: dict[Connected, None] = {}
        self._waiting: dict[Connected, None] = {}
        self._due_at = 0.0

    def add(self, sender: Connected, message: Any) -> None:
        if isinstance(message, _CAN_WAIT):
            if not self._waiting:
                self._due_at = time.monotonic() + _WAITS_SECONDS
            self._waiting[sender] = None
        elif isinstance(sender, Process):
            self._workers[sender] = None
        else:
            self._clients[sender] = None

    @property
    def next_wakeup(self) -> float | None:
        """When what waits must be sent."""
        return self._due_at if self._waiting else None

    def flush(self, now: float) -> None:
        """Sends what cannot wait, and what has waited long enough."""
        for senders in (self._workers, self._clients):
            for sender in senders:
                self._waiting.pop(sender, None)
                sender.flush()
            senders.clear()
        if self._waiting and now >= self._due_at:
            waiting, self._waiting = self._waiting, {}
            for sender in waiting:
                sender.flush()


class Connected(ABC):
    """A process at the other end of a channel."""

    def __init__(self, channel: Channel[Any, Any], outbox: Outbox) -> None:
        self.channel = channel
        self._outbox = outbox
        self._unsent: list[Any] = []
        channel.limit_sending(PATIENCE_SECONDS)

    def send(self, message: Any) -> None:
        self._unsent.append(message)
        self._outbox.add(self, message)

    def flush(self) -> None:
        unsent, self._unsent = self._chosen(self._unsent), []
        if unsent:
            try:
                self.channel.send_all(unsent)
            except PeerGone:
                self.give_up()

    def _chosen(self, messages: list[Any]) -> list[Any]:
        return messages

    @abstractmethod
    def give_up(self) -> None:
        """It takes no message."""


class Peer(Connected):
    """A client's connection. One that is gone, or reads nothing, harms nobody: it misses its progress,
    and is hung up on when it takes nothing else either."""

    def _chosen(self, messages: list[Any]) -> list[Any]:
        """Of its progress the last only, and that only where nothing comes after it."""
        chosen = [message for message in messages if not isinstance(message, Progress)]
        if messages and isinstance(messages[-1], Progress) and self.channel.has_room:
            chosen.append(messages[-1])
        return chosen

    def give_up(self) -> None:
        self.channel.hang_up()


class Process(Connected):
    """A child as the pools see it. One that takes no message is as good as dead."""

    def __init__(self, child: Child, outbox: Outbox) -> None:
        super().__init__(child.channel, outbox)
        self.child = child

    def give_up(self) -> None:
        self.kill()

    def kill(self) -> None:
        """Its channel ends at once, even where the process is stuck in the kernel and does not."""
        self.child.kill()
        self.channel.hang_up()
