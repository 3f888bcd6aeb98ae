"""The queue before the engine, driven by threads."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from quire.engine.hang_up import CallerGone, HasFileno
from quire.frontend.gate import Gate
from quire.words.errors import DeadlineExceeded, ShuttingDown
from tests.fakes.engine_that_obeys_the_reference import DRAINING, HEALING, READY, WatchThatIsTold
from tests.fakes.running_front_end import PATIENCE_SECONDS, eventually


class Visitors:
    """Threads that go through the gate; each stays inside until it is let out."""

    def __init__(self, gate: Gate, pool: ThreadPoolExecutor) -> None:
        self._gate = gate
        self._pool = pool
        self.inside: list[str] = []
        self._exits: dict[str, threading.Event] = {}

    def send(
        self, name: str, seconds: float = PATIENCE_SECONDS, caller: HasFileno | None = None
    ) -> Future[None]:
        """Returns when the visitor is inside or in the queue."""
        self._exits[name] = threading.Event()
        before = self._num_known()
        future = self._pool.submit(self._visit, name, time.monotonic() + seconds, caller)
        eventually(lambda: self._num_known() > before or future.done())
        return future

    def _num_known(self) -> int:
        return self._gate.num_inside + self._gate.num_waiting

    def _visit(self, name: str, deadline: float, caller: HasFileno | None) -> None:
        with self._gate.entered(deadline, caller):
            self.inside.append(name)
            assert self._exits[name].wait(PATIENCE_SECONDS)

    def let_out(self, name: str) -> None:
        self._exits[name].set()

    def let_all_out(self) -> None:
        for leaving in self._exits.values():
            leaving.set()


@contextmanager
def gate_for(most: int, watch: WatchThatIsTold) -> Iterator[tuple[Gate, Visitors]]:
    gate = Gate(most, watch.health)
    watch.subscribe(lambda health: gate.refresh())
    with ThreadPoolExecutor(20) as pool:
        visitors = Visitors(gate, pool)
        try:
            yield gate, visitors
        finally:
            visitors.let_all_out()


def test_they_go_in_in_the_order_of_their_arrival() -> None:
    with gate_for(1, WatchThatIsTold()) as (_, visitors):
        futures = {name: visitors.send(name) for name in "abcdefgh"}
        for name in "abcdefgh":
            eventually(lambda name=name: visitors.inside[-1:] == [name])
            visitors.let_out(name)
        for future in futures.values():
            future.result()
        assert visitors.inside == list("abcdefgh")


def test_no_more_than_allowed_are_inside() -> None:
    with gate_for(3, WatchThatIsTold()) as (gate, visitors):
        for name in "abcdef":
            visitors.send(name)
        assert (gate.num_inside, gate.num_waiting) == (3, 3)


def test_an_error_inside_frees_the_place() -> None:
    gate = Gate(1, WatchThatIsTold().health)
    for _ in range(3):
        with pytest.raises(KeyError), gate.entered(time.monotonic() + 1, None):
            raise KeyError
    assert (gate.num_inside, gate.num_waiting) == (0, 0)


def test_a_deadline_and_a_hang_up_leave_the_queue_to_the_others() -> None:
    with gate_for(1, WatchThatIsTold()) as (gate, visitors):
        visitors.send("inside")
        ours, theirs = socket.socketpair()
        hanging_up = visitors.send("hanging up", caller=ours)
        late = visitors.send("late", seconds=0.05)
        patient = visitors.send("patient")
        with pytest.raises(DeadlineExceeded):
            late.result()
        theirs.sendall(b"a pipelined request is no hang-up")
        theirs.close()
        with pytest.raises(CallerGone):
            hanging_up.result()
        visitors.let_out("inside")
        visitors.let_out("patient")
        patient.result()
        assert (gate.num_inside, gate.num_waiting) == (0, 0)
        ours.close()


def test_bytes_from_the_caller_are_no_hang_up() -> None:
    with gate_for(1, WatchThatIsTold()) as (_, visitors):
        visitors.send("inside")
        ours, theirs = socket.socketpair()
        waiting = visitors.send("waiting", caller=ours)
        theirs.sendall(b"GET /ping")
        visitors.let_out("inside")
        visitors.let_out("waiting")
        waiting.result()
        ours.close()
        theirs.close()


def test_nobody_goes_in_before_the_engine_is_ready() -> None:
    watch = WatchThatIsTold(HEALING)
    with gate_for(2, watch) as (gate, visitors):
        for name in "abc":
            visitors.send(name)
        assert (gate.num_inside, gate.num_waiting) == (0, 3)
        watch.tell(READY)
        assert (gate.num_inside, gate.num_waiting) == (2, 1)


def test_draining_sends_the_waiting_away_and_leaves_those_inside() -> None:
    watch = WatchThatIsTold()
    with gate_for(1, watch) as (_, visitors):
        inside = visitors.send("inside")
        waiting = visitors.send("waiting")
        watch.tell(DRAINING)
        for future in (waiting, visitors.send("new")):
            with pytest.raises(ShuttingDown):
                future.result()
        visitors.let_out("inside")
        inside.result()


def test_a_closed_gate_sends_everybody_away() -> None:
    with gate_for(1, WatchThatIsTold()) as (gate, visitors):
        visitors.send("inside")
        waiting = visitors.send("waiting")
        gate.close()
        for future in (waiting, visitors.send("new")):
            with pytest.raises(ShuttingDown):
                future.result()


def test_no_descriptor_is_left_open() -> None:
    gate = Gate(1, WatchThatIsTold().health)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        with gate.entered(time.monotonic() + 1, None):
            assert os.getpid()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
