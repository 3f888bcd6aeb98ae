"""The shape of the checkout: `code/` is an entry of sys.path and never a package."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ALLOWED_IN_CODE = {"inference.py", "quire", "__pycache__"}


def test_code_stays_the_standard_librarys_module(repository: Path) -> None:
    path = os.pathsep.join((str(repository / "code"), str(repository)))
    found = subprocess.run(
        [sys.executable, "-c", "import code; print(code.__file__)"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert Path(found).parent == Path(sysconfig.get_paths()["stdlib"])


def test_code_is_no_package_and_holds_two_names(repository: Path) -> None:
    assert {entry.name for entry in (repository / "code").iterdir()} <= ALLOWED_IN_CODE


def test_every_room_is_a_package_that_says_its_floor(repository: Path) -> None:
    for room in (repository / "code" / "quire").iterdir():
        if room.is_dir() and room.name != "__pycache__":
            assert (room / "__init__.py").read_text(encoding="utf-8").startswith('"""Floor '), room.name


def test_both_packages_carry_types(repository: Path) -> None:
    assert (repository / "code" / "quire" / "py.typed").exists()
    assert (repository / "quire_endpoint" / "py.typed").exists()


def test_entry_points_are_executable(repository: Path) -> None:
    for name in ("serve", ".ci/run"):
        assert os.access(repository / name, os.X_OK), name
