"""Are the packages of a handler's requirements.txt there, and if not, how do they come? Into a folder of
their own, never into the model's or the image's; what is installed already is not fetched again."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path

import msgspec

from quire.handlers.loading import one_line
from quire.handlers.requirements_file import RequirementLines, read_requirements
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

_SHARE_OF_STARTUP = 0.9
"""All of QUIRE_STARTUP_SECONDS would end the process before it could say that pip took too long."""

_NO_NETWORK = re.compile(
    r"NewConnectionError|name resolution|Network is unreachable|Connection refused|ConnectTimeout|ProxyError"
)


class _Metadata(msgspec.Struct):
    name: str
    version: str


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = {}


class _Download(msgspec.Struct):
    archive_info: _Archive = msgspec.field(default_factory=_Archive)


class _Package(msgspec.Struct):
    """What pip would install. `is_direct` where it comes from an address and not from an index."""

    metadata: _Metadata
    is_direct: bool
    download_info: _Download = msgspec.field(default_factory=_Download)

    @property
    def pin(self) -> str:
        return f"{self.metadata.name}=={self.metadata.version}"

    @property
    def hashed_pin(self) -> str:
        """Of the archive that pip has found fit."""
        hashes = self.download_info.archive_info.hashes
        return " ".join((self.pin, *(f"--hash={kind}:{digest}" for kind, digest in hashes.items())))


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
    ends_at = time.monotonic() + settings.startup_seconds * _SHARE_OF_STARTUP
    target, done = parent / "requirements", parent / "requirements.done"
    with _alone(parent / "requirements.lock"):
        if not done.exists():
            _install_named(_Pip(wanted, ends_at), target)
            done.touch()
    return (target,) if target.is_dir() else ()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install_named(pip: _Pip, target: Path) -> None:
    """Raises SettingsError for whatever may be wrong with a file, a disk or a report."""
    try:
        _install(pip, target)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise SettingsError(f"{pip.wanted} cannot be installed: {one_line(error)}") from error


def _install(pip: _Pip, target: Path) -> None:
    lines = read_requirements(pip.wanted)
    report = target.with_suffix(".json")
    started = time.monotonic()
    packages = pip.would_install(report)
    if not packages:
        return
    pins = target.with_suffix(".resolved.txt")
    pins.write_text("\n".join(_pinned(lines, packages)) + "\n", encoding="utf-8")
    pip.install("--no-deps", "--target", str(target), "--requirement", str(pins))
    seconds = round(time.monotonic() - started, 1)
    names = [package.pin for package in packages]
    log_line(log, logging.INFO, "requirements installed", packages=names, seconds=seconds)


def _pinned(lines: RequirementLines, packages: list[_Package]) -> Iterator[str]:
    """Exactly these packages, from where the file finds them: what it depends on and is there already, torch
    above all, must not come a second time."""
    yield from lines.options
    indexed = [package for package in packages if not package.is_direct]
    yield from (package.hashed_pin if lines.has_hashes else package.pin for package in indexed)
    if len(indexed) < len(packages):
        yield from lines.direct


class _Pip:
    """pip, run beside the requirements file, so that paths in it hold."""

    def __init__(self, wanted: Path, ends_at: float) -> None:
        self.wanted = wanted
        self._ends_at = ends_at

    def would_install(self, report: Path) -> list[_Package]:
        """What is missing; an index is asked for that alone."""
        self.install("--dry-run", "--report", str(report), "--requirement", str(self.wanted))
        return msgspec.json.decode(report.read_bytes(), type=_Report).install

    def install(self, *arguments: str) -> None:
        """Raises SettingsError where it fails, or takes longer than it may."""
        command = (*pip_command(), "install", *arguments)
        environ = {**_IMPATIENT, **os.environ}
        try:
            run = subprocess.run(
                command,
                cwd=self.wanted.parent,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=max(0.0, self._ends_at - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SettingsError(
                f"{self.wanted}: pip took longer than QUIRE_STARTUP_SECONDS allows"
            ) from error
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


def pip_command() -> tuple[str, ...]:
    """Our interpreter's own, or for a virtual environment without one that of the Python beneath it."""
    # Not importlib.util's: setuptools' own finder, asked for pip, leaves distutils to the standard library.
    if PathFinder.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    beneath = Path(sys.base_prefix) / "bin" / "python3"
    return (str(beneath), "-m", "pip", "--python", sys.executable)
