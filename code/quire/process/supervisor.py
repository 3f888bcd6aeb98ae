"""PID 1: waits for signals and for children's deaths, and does what the supervision says."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping

from quire.handlers.handler_signs import HandlerSigns
from quire.process.child_programs import ChildProgram
from quire.process.children import (
    Action,
    Child,
    Died,
    End,
    Event,
    Role,
    Send,
    Start,
    StopRequested,
    TimePassed,
    cause,
)
from quire.process.supervision import Supervision
from quire.words.json_lines import log_line

log = logging.getLogger("quire.supervisor")

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
WAITED_FOR = STOP_SIGNALS | {signal.SIGCHLD}

_CANNOT_SPAWN = 71
"""sysexits' EX_OSERR: what a child that could not even be spawned is said to have died of."""

_PR_SET_CHILD_SUBREAPER = 36


class Supervisor:
    """Owns the children's pids. All its waiting is in sigtimedwait: signals are blocked, never handled,
    so none is lost and none interrupts. `signs` are how the front end hears of the handler workers."""

    def __init__(
        self, supervision: Supervision, programs: Mapping[Child, ChildProgram], signs: HandlerSigns
    ) -> None:
        self._supervision = supervision
        self._programs = programs
        self._signs = signs
        self._pids: dict[int, Child] = {}
        self._unspawned: list[Died] = []

    def run(self) -> int:
        """The container's exit code."""
        adopt_orphans()
        block_signals()
        outcome = self._act(self._supervision.begin(time.monotonic()))
        while outcome is None:
            for event in self._events():
                outcome = outcome or self._act(self._supervision.step(time.monotonic(), event))
        if outcome.reason:
            log_line(log, logging.ERROR, "the container ends", reason=outcome.reason)
        return outcome.exit_code

    def _events(self) -> Iterator[Event]:
        """Everything that has happened, after waiting for something to."""
        number = None if self._unspawned else _next_signal(self._supervision.wake_at())
        if number in STOP_SIGNALS:
            log_line(log, logging.INFO, "told to stop", signal=signal.Signals(number).name)
            self._signs.say_stopping()
            yield StopRequested()
        yield from self._reaped()
        while self._unspawned:
            yield self._unspawned.pop()
        yield TimePassed()

    def _reaped(self) -> Iterator[Died]:
        """Our children's deaths. Orphans that were left to us are reaped and forgotten."""
        while (pid := _next_dead()) is not None:
            child = self._pids.pop(pid, None)
            if child is not None and child.role is Role.HANDLER_WORKER:
                _kill_group(pid)
            exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if child is None:
                log_line(log, logging.DEBUG, "an orphan ended", orphan=pid, cause=cause(exit_code))
                continue
            log_line(log, logging.INFO, f"the {child.name} ended", child=pid, cause=cause(exit_code))
            life = self._signs.bury(pid)
            others_loaded = self._signs.num_loaded > 0
            yield Died(child, exit_code, life.had_loaded, life.had_answered, others_loaded)

    def _act(self, actions: list[Action]) -> End | None:
        for action in actions:
            if isinstance(action, End):
                return action
            if isinstance(action, Start):
                self._spawn(action.child)
            elif isinstance(action, Send):
                self._send(action)
        return None

    def _spawn(self, child: Child) -> None:
        try:
            pid = self._programs[child].spawn()
        except OSError as error:
            log_line(log, logging.ERROR, f"the {child.name} cannot be started", reason=str(error))
            self._unspawned.append(Died(child, _CANNOT_SPAWN))
            return
        self._pids[pid] = child
        log_line(log, logging.INFO, f"the {child.name} is started", child=pid)

    def _send(self, action: Send) -> None:
        """A pid that was not reaped is still ours, be it a zombie: the signal cannot go astray."""
        for pid, child in self._pids.items():
            if child == action.child:
                log_line(log, logging.INFO, f"{action.signal.name} to the {child.name}", child=pid)
                os.kill(pid, action.signal)


def block_signals() -> None:
    """Even as PID 1, whose unhandled signals the kernel drops, a blocked signal stays pending. An
    inherited SIG_IGN of SIGCHLD would make the kernel reap in our place."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)


def adopt_orphans() -> None:
    """Makes orphaned descendants ours to reap where we are not PID 1 already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _next_signal(wake_at: float | None) -> int | None:
    """Waits for one of WAITED_FOR until `wake_at`; None when the time came first."""
    if wake_at is None:
        return signal.sigwaitinfo(WAITED_FOR).si_signo
    caught = signal.sigtimedwait(WAITED_FOR, max(0.0, wake_at - time.monotonic()))
    return caught.si_signo if caught else None


def _next_dead() -> int | None:
    """The pid of a dead child, not reaped yet; None when no more is dead."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None


def _kill_group(leader: int) -> None:
    """What a handler forked has lost its parent. The leader is not reaped yet, so the group is still its."""
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
