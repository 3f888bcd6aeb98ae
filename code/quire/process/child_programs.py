"""How the supervisor's children are started: their commands, their environment, their inheritance."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quire.process.children import Child, Role
from quire.process.handler_plan import HandlerPlan
from quire.process.run_directory import RunDirectory

CODE = Path(__file__).resolve().parents[2]
"""The sys.path entry in which `quire` lies."""

LISTENER_FD = 3
"""Where the front end finds the listening socket, and a handler worker its own."""

_HANDLER_BACKLOG = 4096
"""As many as the front end may have threads."""

RUN_DIRECTORY_VARIABLE = "FRONT_END_RUN_DIRECTORY"
PARENT_PID_VARIABLE = "FRONT_END_PARENT_PID"

_REFUSED_PREFIXES = ("GUNICORN_", "LISTEN_")
_REFUSED = ("SCRIPT_NAME", "WEB_CONCURRENCY", "PORT")
"""Variables that would turn gunicorn's own knobs behind our back."""


@dataclass(frozen=True)
class ChildProgram:
    """One command. `listener` is handed down as LISTENER_FD where there is one."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    listener: socket.socket | None = None

    def spawn(self) -> int:
        """The pid of a child with a clean signal mask, in a process group of its own, so that a
        terminal's Ctrl-C reaches the supervisor alone. Raises OSError."""
        actions: list[tuple[int, int, int]] = []
        if self.listener is not None:
            actions.append((os.POSIX_SPAWN_DUP2, self.listener.fileno(), LISTENER_FD))
        return os.posix_spawn(
            self.arguments[0],
            self.arguments,
            self.environ,
            file_actions=actions,
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD),
        )


def engine_program(environ: Mapping[str, str], directory: RunDirectory) -> ChildProgram:
    return _program(
        "quire.process.engine_program",
        ("--address", str(directory.engine_address), "--scratch", str(directory.engine_scratch)),
        child_environ(environ),
    )


def handler_programs(
    environ: Mapping[str, str], directory: RunDirectory, plan: HandlerPlan, listener: socket.socket
) -> dict[Child, ChildProgram]:
    """One for each worker of the plan."""
    options = (
        *("--run-directory", str(directory.path), "--listener-fd", str(LISTENER_FD)),
        *("--calls-at-once", str(plan.calls_at_once)),
    )
    shared = child_environ(environ)
    return {
        Child(Role.HANDLER_WORKER, number): _program(
            "quire.process.handler_program", options, {**shared, **plan.environ_of(number)}, listener
        )
        for number in range(plan.num_workers)
    }


def front_end_program(
    environ: Mapping[str, str], directory: RunDirectory, listener: socket.socket
) -> ChildProgram:
    return ChildProgram(
        (
            *(sys.executable, "-m", "gunicorn", "-c", "python:quire.process.gunicorn_config"),
            "quire.process.wsgi:app",
        ),
        {
            **child_environ(environ),
            RUN_DIRECTORY_VARIABLE: str(directory.path),
            PARENT_PID_VARIABLE: str(os.getpid()),
        },
        listener,
    )


def _program(
    module: str,
    options: tuple[str, ...],
    environ: Mapping[str, str],
    listener: socket.socket | None = None,
) -> ChildProgram:
    arguments = (sys.executable, "-m", module, *options, "--parent-pid", str(os.getpid()))
    return ChildProgram(arguments, environ, listener)


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Ours, with `quire` on the path and the working directory off it."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _REFUSED and not name.startswith(_REFUSED_PREFIXES)
    }
    path = os.pathsep.join(filter(None, (str(CODE), environ.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def listen(host: str, port: int) -> socket.socket:
    """The front end's socket, made before it so that callers find it from the first moment, and
    across its restarts. Its number is far above LISTENER_FD. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=2048) as low:
        return socket.socket(fileno=_duplicate_high(low.fileno()))


def listen_for_handlers(address: Path) -> socket.socket:
    """The handler workers' socket, whose backlog is the queue before them. It does not block: several workers
    may wake for one connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as low:
        low.bind(str(address))
        low.listen(_HANDLER_BACKLOG)
        low.setblocking(False)
        return socket.socket(fileno=_duplicate_high(low.fileno()))


def _duplicate_high(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64)
