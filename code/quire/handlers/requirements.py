"""Are the packages of a handler's requirements.txt there, and if not, how do they come? Into a folder of
their own, never into the model's or the image's; what is installed already is not fetched again."""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from quire.words.errors import SettingsError
from quire.words.json_lines import log_line
from quire.words.settings import Settings
from quire.words.user_code import code_folders

log = logging.getLogger("quire.handler")

_IMPATIENT = {
    "PIP_RETRIES": "1",
    "PIP_TIMEOUT": "15",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
}
"""A machine without a network is told of in seconds; the variables may be set to others."""

_NO_NETWORK = re.compile(
    r"NewConnectionError|name resolution|Network is unreachable|Connection refused|ConnectTimeout|ProxyError"
)
_KEPT_OPTIONS = re.compile(
    r"--?(i|f|index-url|extra-index-url|find-links|no-index|trusted-host|pre|no-binary)\b"
)
_DIRECT = re.compile(r"://|^[./]")


class _Metadata(msgspec.Struct):
    name: str
    version: str


class _Package(msgspec.Struct):
    """What pip would install. `is_direct` where it comes from an address and not from an index."""

    metadata: _Metadata
    is_direct: bool

    @property
    def pin(self) -> str:
        return f"{self.metadata.name}=={self.metadata.version}"


class _Report(msgspec.Struct):
    """`pip install --report`."""

    install: list[_Package]


def install_requirements(settings: Settings, parent: Path) -> tuple[Path, ...]:
    """The folders to put on sys.path: none where there is no requirements.txt, or where all of it is there.
    Many processes may ask at once; the first does the work, in `parent`. Raises SettingsError in one line."""
    files = (folder / "requirements.txt" for folder in code_folders(settings))
    wanted = next((file for file in files if file.is_file()), None)
    if wanted is None:
        return ()
    target, done = parent / "requirements", parent / "requirements.done"
    with _alone(parent / "requirements.lock"):
        if not done.exists():
            _install(_Pip(wanted, settings.startup_seconds), target)
            done.touch()
    return (target,) if target.is_dir() else ()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(pip: _Pip, target: Path) -> None:
    report = target.with_suffix(".json")
    started = time.monotonic()
    packages = pip.would_install(report)
    if not packages:
        return
    pins = target.with_suffix(".resolved.txt")
    pins.write_text("\n".join(_pinned(pip.wanted, packages)) + "\n", encoding="utf-8")
    pip.install("--no-deps", "--target", str(target), "--requirement", str(pins))
    seconds = round(time.monotonic() - started, 1)
    names = [package.pin for package in packages]
    log_line(log, logging.INFO, "requirements installed", packages=names, seconds=seconds)


def _pinned(wanted: Path, packages: list[_Package]) -> Iterator[str]:
    """Exactly these packages, from where the file finds them: what it depends on and is there already, torch
    above all, must not come a second time."""
    lines = [line.strip() for line in wanted.read_text(encoding="utf-8").splitlines()]
    yield from (line for line in lines if _KEPT_OPTIONS.match(line))
    yield from (package.pin for package in packages if not package.is_direct)
    if any(package.is_direct for package in packages):
        yield from (line for line in lines if _DIRECT.search(line) and not line.startswith(("-", "#")))


class _Pip:
    """pip, run beside the requirements file, so that paths in it hold."""

    def __init__(self, wanted: Path, seconds: float) -> None:
        self.wanted = wanted
        self._seconds = seconds

    def would_install(self, report: Path) -> list[_Package]:
        """What is missing; an index is asked for that alone."""
        self.install("--dry-run", "--report", str(report), "--requirement", str(self.wanted))
        return msgspec.json.decode(report.read_bytes(), type=_Report).install

    def install(self, *arguments: str) -> None:
        """Raises SettingsError where it fails, or takes longer than the model may take to load."""
        command = (*_pip_command(), "install", *arguments)
        environ = {**_IMPATIENT, **os.environ}
        try:
            run = subprocess.run(
                command,
                cwd=self.wanted.parent,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self._seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SettingsError(f"{self.wanted}: pip took longer than QUIRE_STARTUP_SECONDS") from error
        if run.returncode != 0:
            raise SettingsError(self._complaint(run.stdout.decode(errors="replace")))

    def _complaint(self, said: str) -> str:
        """One line for what pip said last."""
        if _NO_NETWORK.search(said):
            return (
                f"{self.wanted}: its packages are not installed and there is no network to fetch them; "
                "put them into code/lib or the image, or set PIP_INDEX_URL to an index within reach"
            )
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["pip failed"]
        return f"{self.wanted} cannot be installed: {errors[-1].removeprefix('ERROR:').strip()}"


def _pip_command() -> tuple[str, ...]:
    """Our interpreter's own, or for a virtual environment without one that of the Python beneath it."""
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    beneath = Path(sys.base_prefix) / "bin" / "python3"
    return (str(beneath), "-m", "pip", "--python", sys.executable)
