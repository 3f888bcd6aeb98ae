"""The `java` that multi-model-server finds in JAVA_HOME: the real one, made to die with the program that owns
it and to start its workers through mms_worker."""

from __future__ import annotations

import os
import sys
import time

from quire.engine.parent_death import die_with_parent
from quire.frontend.mms_place import MmsPlace
from quire.process.mms_settings import HOME, JAVA_VARIABLE, PROGRAM_PID_VARIABLE

_ADOPTION_SECONDS = 10.0


def main() -> None:
    """Never returns."""
    owner = int(os.environ[PROGRAM_PID_VARIABLE])
    _await_adoption(owner)
    die_with_parent(owner)
    place = MmsPlace.from_environ(os.environ)
    arguments = sys.argv[1:]
    arguments[arguments.index("--python") + 1] = str(HOME / "bin" / "python")
    place.say_server()
    java = os.environ[JAVA_VARIABLE]
    os.execv(java, [java, *arguments])


def _await_adoption(owner: int) -> None:
    """The `multi-model-server` command, our parent, ends at once; then the owner inherits us."""
    until = time.monotonic() + _ADOPTION_SECONDS
    while os.getppid() != owner:
        if time.monotonic() > until:
            sys.exit("multi-model-server did not leave its server to its owner")
        time.sleep(0.005)


if __name__ == "__main__":
    main()
