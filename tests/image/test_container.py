"""tests/image/container chooses an engine, and says so where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[1] / "fakes" / "docker_that_pushes_to_ecr.py"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """With a docker whose engine answers."""
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{DOCKER}" "$@"\n')
    docker.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DOCKER_CALLS": str(tmp_path / "calls")}


def run(repository: Path, environ: dict[str, str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, timeout=60)


def calls(environ: dict[str, str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(environ["DOCKER_CALLS"]).read_text().splitlines()]


def test_docker_is_used_where_its_engine_answers(repository: Path, environ: dict[str, str]) -> None:
    done = run(repository, environ, "make", "image", "IMAGE=mine", "IMAGE_TORCH=torch==2.10.0+cpu")
    assert done.returncode == 0, done.stderr
    built = calls(environ)[-1]
    arguments = built["arguments"]
    assert isinstance(arguments, list)
    assert arguments[:5] == ["build", "--build-arg", "BASE_IMAGE=python:3.12-slim-bookworm", "--tag", "mine"]
    assert "VERSION=0.1.0" in arguments
    assert "TORCH=torch==2.10.0+cpu" in arguments
    assert Path(arguments[-1]).resolve() == repository
    assert built["attestations"] == "1"


def test_a_command_is_told_the_engine(repository: Path, environ: dict[str, str]) -> None:
    script = repository / "tests" / "image" / "container"
    assert run(repository, environ, script, "which").stdout == "docker\n"
    told = run(repository, environ, script, "run", "sh", "-c", "echo $CONTAINER_ENGINE")
    assert told.stdout == "docker\n"


def test_without_an_engine_it_says_so_and_make_skips(repository: Path, environ: dict[str, str]) -> None:
    none = {**environ, "CONTAINER_ENGINES": "none"}
    done = run(repository, none, repository / "tests" / "image" / "container", "which")
    assert (done.returncode, done.stdout) == (1, "")
    assert "install docker or podman" in done.stderr
    made = ("--old-file=setup", "--old-file=.venv/.tests")
    skipped = run(repository, none, "make", *made, "test-image")
    assert skipped.returncode == 0
    assert "make test-image is skipped." in skipped.stdout.splitlines()
