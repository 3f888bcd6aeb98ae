"""Where do other people's clients come from? Of their locks, installed once into build/clients."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "clients"
INSTALL_SECONDS = 600


class CannotInstall(Exception):
    """A program or the network is missing; the message says which, and what to do."""


def node_folder() -> Path:
    """With node_modules, and the programs copied beside it, where Node looks for modules. Raises
    CannotInstall."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise CannotInstall(
                f"{program} is missing: install nodejs and npm for the AWS SDK for JavaScript"
            )
    wanted = [HERE / "package.json", HERE / "package-lock.json"]
    folder = BUILD / f"javascript-{_digest(wanted)}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for file in wanted:
            shutil.copy(file, folder)
        _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        (folder / "installed").touch()
    for source in HERE.glob("*.mjs"):
        shutil.copy(source, folder)
    return folder


def python_of(name: str) -> Path:
    """The interpreter of an environment that has `name`.lock and nothing else. Raises CannotInstall."""
    lock = HERE / f"{name}.lock"
    version = "".join(map(str, sys.version_info[:2]))
    folder = BUILD / f"{name}-{_digest([lock])}-{version}"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], HERE)
        _run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)], HERE)
        (folder / "installed").touch()
    return python


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        last = (done.stdout + done.stderr).strip()[-600:]
        raise CannotInstall(f"{' '.join(command[:4])} … failed, is there a network? {last}")
