"""README's shell blocks do what README says: they are executed here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.process.run_samples import free_port
from tests.aws_program import aws_program
from tests.readme import shell_blocks

COMPILERS = re.compile(r".*(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+|tcc|icx)(?:-?\d[\d.]*)?")
PATIENCE_SECONDS = 900
NEEDS_CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="README's requests are made with curl")


@pytest.fixture(scope="module")
def path_without_compilers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A directory with every program of PATH but the compilers."""
    place = tmp_path_factory.mktemp("bin")
    for directory in os.environ["PATH"].split(os.pathsep):
        for program in Path(directory).iterdir() if Path(directory).is_dir() else ():
            if not COMPILERS.fullmatch(program.name) and not (place / program.name).exists():
                (place / program.name).symlink_to(program)
    yield str(place)


def outside_make() -> dict[str, str]:
    """The environment without the marks of a `make test` that this run may be part of."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTEST")
    }


def make(repository: Path, target: str, path: str) -> subprocess.CompletedProcess[str]:
    """Runs a target's own recipe with the Python that runs the tests: what `make setup` would install is
    there already."""
    here = Path(sys.executable).parent
    return subprocess.run(
        ["make", "--old-file=setup", f"BIN={here}", target],
        cwd=repository,
        env={**outside_make(), "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def test_first_screen_names_the_two_commands(repository: Path) -> None:
    first_screen = "\n".join((repository / "README.md").read_text(encoding="utf-8").splitlines()[:25])
    assert re.findall(r"^make (\w+)", first_screen, re.MULTILINE) == ["run", "test"]


def test_make_run_reads_the_samples_without_a_compiler(repository: Path, path_without_compilers: str) -> None:
    for compiler in ("gcc", "g++", "cc", "c++", "clang"):
        assert shutil.which(compiler, path=path_without_compilers) is None
    done = make(repository, "run", path_without_compilers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exit status 0" in done.stdout
    rates = [
        float(rate) for rate in re.findall(r"^character error rate ([\d.]+)%", done.stdout, re.MULTILINE)
    ]
    assert len(rates) == 5
    assert textwrap.indent(_picture(repository), "  ") in done.stdout
    assert max(rates) < 2.0
    assert len(json.loads((repository / "out" / "contract.pdf.json").read_bytes())["pages"]) == 40


def test_make_test_is_this_run(repository: Path) -> None:
    """Running `make test` inside itself would not end: its recipe is looked at instead."""
    dry_run = subprocess.run(
        ["make", "--dry-run", "--always-make", "test"],
        cwd=repository,
        env=outside_make(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert dry_run[-4:] == [
        ".venv/bin/ruff check .",
        ".venv/bin/ruff format --check .",
        ".venv/bin/mypy",
        ".venv/bin/pytest -n 3 --dist loadfile",
    ]
    assert "make test" in (repository / ".ci" / "run").read_text()


def test_every_make_target_named_in_readme_exists(repository: Path) -> None:
    named = set(re.findall(r"make ([a-z][a-z-]+)", (repository / "README.md").read_text(encoding="utf-8")))
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z][a-z-]+):", makefile, re.MULTILINE))


def test_reading_without_a_server(repository: Path, tmp_path: Path) -> None:
    block = _block(repository, "quire read")
    done = _shell(block, repository, tmp_path, os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Tidewater Fittings Ltd\n")
    assert '"schema":"quire.document/1"' in done.stdout


@NEEDS_CURL
def test_reading_through_the_container(repository: Path, tmp_path: Path) -> None:
    port = str(free_port())
    block = _block(repository, "./serve").replace("8080", port)
    environ = {**os.environ, "SAGEMAKER_BIND_TO_PORT": port, "QUIRE_BIND_HOST": "127.0.0.1"}
    done = _shell(
        block.replace("./serve &", "./serve > /dev/null &") + "wait %1\n", repository, tmp_path, environ
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout[done.stdout.index('{"schema"') :])
    assert answer["pages"][0]["text"].startswith("Tidewater Fittings Ltd")


@pytest.fixture(scope="module")
def laptop(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which README's installation of the laptop's side was executed, and nothing else."""
    place = tmp_path_factory.mktemp("laptop")
    for name in ("quire_endpoint", "examples"):
        shutil.copytree(repository / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE", "pyproject.toml"):
        shutil.copy(repository / name, place)
    done = _bash(_block(repository, "pip install"), place, _outside())
    assert done.returncode == 0, done.stderr
    return place


def test_laptops_side_needs_no_torch(laptop: Path) -> None:
    libraries = next((laptop / ".venv" / "lib").iterdir()) / "site-packages"
    installed = {path.name.partition("-")[0] for path in libraries.glob("*.dist-info")}
    assert "quire_endpoint" in installed
    assert not installed & {"torch", "numpy", "opencv_python_headless", "onnx", "transformers"}


def test_first_five_minutes(repository: Path, laptop: Path) -> None:
    done = _bash(_five_minutes(repository), laptop, _with_aws(laptop))
    assert done.returncode == 0, done.stderr
    assert '{"letters":' in done.stdout
    assert "first at words: completed" in done.stdout
    assert done.stdout.endswith("Stopped.\n")


def test_first_five_minutes_end_where_the_container_fails(repository: Path, laptop: Path) -> None:
    """With the reason, rather than waiting for ever; in a shell as people have it, which goes on."""
    container = laptop / "examples" / "flask_container.py"
    whole = container.read_text(encoding="utf-8")
    broken = whole.replace("    text = request", "    Response(status=500) / 0\n    text = request")
    try:
        container.write_text(broken, encoding="utf-8")
        block = _five_minutes(repository).replace("seq 60", "seq 5")
        done = _bash(f"set +e\n{block}", laptop, _with_aws(laptop))
    finally:
        container.write_text(whole, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "first at words: model-error" in done.stdout
    assert done.stdout.endswith("Stopped.\n")


def _five_minutes(repository: Path) -> str:
    port = str(free_port())
    block = _block(repository, "local up").replace("local up", f"local up --port {port}")
    return block.replace("4599", port) + "wait %1\n"


def _with_aws(laptop: Path) -> dict[str, str]:
    """That environment, with the AWS CLI on PATH and nothing else of this Python's."""
    place = laptop / "aws-cli"
    if not place.exists():
        place.mkdir()
        (place / "aws").symlink_to(aws_program())
    environ = _outside()
    return {**environ, "PATH": os.pathsep.join((str(place), environ["PATH"]))}


def _outside() -> dict[str, str]:
    """The environment of somebody who has no account and no checkout on the path."""
    ours = ("AWS_", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def test_model_archive_is_written(repository: Path, tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    block = _block(repository, "build-model").replace("model.tar.gz", str(archive))
    done = _shell(block, repository, tmp_path, os.environ)
    assert done.returncode == 0, done.stderr
    assert archive.stat().st_size > 1_000_000


def test_every_shell_block_is_executed_by_a_test(repository: Path) -> None:
    """The one with docker by tests/image/test_readme_docker.py."""
    known = ("make run", "pip install", "local up", "quire read", "./serve", "docker run", "build-model")
    assert [[word for word in known if word in block] for block in shell_blocks(repository)] == [
        [word] for word in known
    ]


def _picture(repository: Path) -> str:
    """The block of output on the first screen."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```text\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    return str(shown)


def _block(repository: Path, word: str) -> str:
    (block,) = (block for block in shell_blocks(repository) if word in block)
    return block


def _shell(
    block: str, repository: Path, place: Path, environ: os._Environ[str] | dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs a block in the checkout, with `.venv/bin` replaced by this Python's `quire`."""
    quire = place / "quire"
    quire.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m quire_endpoint.command "$@"\n')
    quire.chmod(0o755)
    return _bash(
        block.replace(".venv/bin/quire", str(quire)), repository, {**environ, "PYTHONPATH": str(repository)}
    )


def _bash(block: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(Path(sys.executable).parent), environ["PATH"]))
    return subprocess.run(
        ["bash", "-e", "-c", block],
        cwd=folder,
        env={**environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
