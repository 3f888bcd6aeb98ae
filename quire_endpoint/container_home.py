"""Where do the checkout's programs lie on this machine, and how is one of them run?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_MARK = Path("code", "quire", "process", "read.py")

_ANSWER_SECONDS = 60.0


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


def container_python(home: Path) -> Path:
    """The checkout's own, which has torch, where `make setup` made one; else this one."""
    own = home / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def run_program(module: str, arguments: Sequence[str]) -> int:
    """Runs one of the checkout's programs, which may be of the container or of its benches, and returns its
    exit status. The program is in the terminal's group and gets Ctrl-C itself, so here it is only waited
    for. Raises HomeNotFound."""
    home = container_home()
    program = subprocess.Popen(_command(home, module, arguments), env=_environ(home))
    while True:
        try:
            return program.wait()
        except KeyboardInterrupt:
            continue


def ask_program(module: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The same for one that answers at once: with what it wrote. Raises HomeNotFound, and
    subprocess.TimeoutExpired where it does not end."""
    home = container_home()
    return subprocess.run(
        _command(home, module, arguments),
        env=_environ(home),
        capture_output=True,
        text=True,
        timeout=_ANSWER_SECONDS,
        check=False,
    )


def _command(home: Path, module: str, arguments: Sequence[str]) -> list[str]:
    return [str(container_python(home)), "-m", module, *arguments]


def _environ(home: Path) -> dict[str, str]:
    places = (str(home / "code"), str(home), os.environ.get("PYTHONPATH"))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places)), "PYTHONSAFEPATH": "1"}
