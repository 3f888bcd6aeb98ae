"""Children for a real supervisor, and the supervisor itself as a program of its own.

`python -m tests.fakes.children <directory>` supervises two children that write a line for each of their
lives and then behave as `<directory>/<name>.behaviour` says: `obey` ends at SIGTERM, `ignore` does not,
`exit:<code>` ends at once, `orphan` leaves a short-lived grandchild behind and then obeys.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from quire.engine.parent_death import die_with_parent
from quire.handlers.handler_signs import HandlerSigns
from quire.process.child_programs import ChildProgram, child_environ
from quire.process.children import ENGINE, FRONT_END
from quire.process.supervision import Supervision
from quire.process.supervisor import Supervisor
from quire.words.json_lines import configure_logging

NAMES = {ENGINE: "engine", FRONT_END: "front-end"}


def behave(directory: Path, name: str) -> None:
    die_with_parent()
    behaviour = (directory / f"{name}.behaviour").read_text()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with (directory / f"{name}.lives").open("a") as lives:
        lives.write(f"{os.getpid()} {len(blocked)} {os.getpgrp()}\n")
    if behaviour.startswith("exit:"):
        sys.exit(int(behaviour.removeprefix("exit:")))
    if behaviour == "orphan":
        middle = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.1 & echo $! > {directory}/orphan"])
        middle.wait()
    if behaviour == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        time.sleep(1)


def supervise(directory: Path) -> int:
    configure_logging("supervisor", "debug")
    programs = {
        child: ChildProgram(
            (sys.executable, "-m", "tests.fakes.children", str(directory), name), child_environ(os.environ)
        )
        for child, name in NAMES.items()
    }
    return Supervisor(Supervision(0.0, 1.0, programs), programs, HandlerSigns(directory)).run()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if len(sys.argv) == 2:
        sys.exit(supervise(place))
    behave(place, sys.argv[2])
