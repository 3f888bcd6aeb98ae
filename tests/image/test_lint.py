"""The Dockerfile and the shell scripts pass their linters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHERS = "code/quire/process/mms_home/bin"
SCRIPTS = (
    "build_and_push.sh",
    "tests/image/container",
    ".ci/run",
    f"{LAUNCHERS}/java",
    f"{LAUNCHERS}/python",
)


def lint(repository: Path, program: str, *arguments: str) -> str:
    """What it says; the program lies beside the Python that runs the tests."""
    path = Path(sys.executable).parent / program
    done = subprocess.run([path, *arguments], cwd=repository, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_dockerfile_passes_hadolint(repository: Path) -> None:
    assert lint(repository, "hadolint", "--no-color", "Dockerfile") == ""


def test_hadolint_would_say_so(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && apt-get install curl\n")
    assert "DL3008" in lint(repository, "hadolint", "--no-color", str(tmp_path / "Dockerfile"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_passes_shellcheck(repository: Path, script: str) -> None:
    assert lint(repository, "shellcheck", script) == ""


def test_every_script_is_checked(repository: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    found = {
        name
        for name in listed.stdout.splitlines()
        if (repository / name).is_file()
        and (repository / name).read_bytes()[:80].splitlines()[:1]
        in ([b"#!/bin/sh"], [b"#!/usr/bin/env bash"])
    }
    assert found <= set(SCRIPTS)
