"""Where do the container's programs lie on this machine, and how is one of them run?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_MARK = Path("code", "quire", "process", "read.py")


class HomeNotFound(Exception):
    """The container's programs are not on this machine; the message says what to do."""


def container_home(environ: Mapping[str, str] = os.environ) -> Path:
    """QUIRE_HOME where it is set, else the checkout that this package is part of. Raises HomeNotFound."""
    given = environ.get("QUIRE_HOME")
    home = Path(given) if given else Path(__file__).parents[1]
    if not (home / _MARK).is_file():
        place = f"QUIRE_HOME={given}" if given else f"{home}"
        raise HomeNotFound(
            f"{place} holds none of the container's programs ({_MARK} is missing): run the command from an "
            "editable install of a checkout (`make setup`), or set QUIRE_HOME to a checkout"
        )
    return home.resolve()


def run_program(module: str, arguments: Sequence[str]) -> int:
    """Runs one of the container's programs under this Python and returns its exit status. The program is
    in the terminal's group and gets Ctrl-C itself, so here it is only waited for. Raises HomeNotFound."""
    path = os.pathsep.join(filter(None, (str(container_home() / "code"), os.environ.get("PYTHONPATH"))))
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    program = subprocess.Popen([sys.executable, "-m", module, *arguments], env=environ)
    while True:
        try:
            return program.wait()
        except KeyboardInterrupt:
            continue
