"""The `quire` command without a container beside it: it finds the programs, or says what to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quire_endpoint.container_home import HomeNotFound, container_home, run_program


def quire(
    repository: Path, *arguments: str, cwd: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quire_endpoint.command", *arguments],
        env={**os.environ, "PYTHONPATH": str(repository), "NO_COLOR": "1", "COLUMNS": "120", **environ},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def home_with(place: Path, program: str) -> Path:
    """A home whose `quire.process.read` is `program`."""
    package = place / "code" / "quire" / "process"
    package.mkdir(parents=True)
    (package / "read.py").write_text(program)
    return place


def test_home_is_the_checkout_beside_the_package(repository: Path) -> None:
    assert container_home({}) == repository


def test_home_is_what_quire_home_says(tmp_path: Path) -> None:
    home_with(tmp_path, "")
    assert container_home({"QUIRE_HOME": str(tmp_path)}) == tmp_path


def test_home_without_programs_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeNotFound, match=rf"QUIRE_HOME={tmp_path}.*make setup"):
        container_home({"QUIRE_HOME": str(tmp_path)})


def test_command_without_programs_fails_with_one_sentence(repository: Path, tmp_path: Path) -> None:
    done = quire(repository, "read", "x.pdf", QUIRE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("quire: QUIRE_HOME=")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("ending", "status"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)])
def test_programs_exit_status_is_the_commands(
    repository: Path, tmp_path: Path, ending: str, status: int
) -> None:
    home = home_with(tmp_path, f"import os, sys\n{ending}\n")
    assert quire(repository, "read", "x.pdf", QUIRE_HOME=str(home)).returncode == status


def test_program_gets_the_options_that_were_given(repository: Path, tmp_path: Path) -> None:
    home = home_with(tmp_path, "import sys\nprint(sys.argv[1:])\n")
    done = quire(repository, "read", "a", "b", "--dpi", "100", "--text", "ocr", QUIRE_HOME=str(home))
    assert done.stdout == "['--format=text', '--dpi=100', '--text=ocr', '--', 'a', 'b']\n"


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("bench", "bench/__main__.py"),
        ("tune", "bench/tune.py"),
        ("compile", "code/quire/models/compile_model.py"),
    ],
)
def test_programs_that_explain_themselves_get_every_option(
    repository: Path, tmp_path: Path, command: str, program: str
) -> None:
    home = home_with(tmp_path, "")
    (home / program).parent.mkdir(exist_ok=True)
    (home / program).write_text("import sys\nprint(sys.argv[1:])\n")
    done = quire(repository, command, "--help", "--only", "http", "-x", "a b", QUIRE_HOME=str(home))
    assert done.stdout == "['--help', '--only', 'http', '-x', 'a b']\n", done.stderr


def test_checkouts_own_python_runs_its_programs(repository: Path, tmp_path: Path) -> None:
    home = home_with(tmp_path, "import sys\nprint(sys.argv[-1])\n")
    own = home / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" of-the-checkout\n')
    own.chmod(0o755)
    assert quire(repository, "read", "x.pdf", QUIRE_HOME=str(home)).stdout == "of-the-checkout\n"


def test_version_is_the_changelogs(repository: Path) -> None:
    newest = next(line for line in (repository / "CHANGELOG.md").read_text().splitlines() if "## " in line)
    assert quire(repository, "--version").stdout == f"quire {newest.split()[1]}\n"


def test_files_in_the_working_directory_shadow_nothing(repository: Path, tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", "import quire\nprint('fine')\n")
    (tmp_path / "quire.py").write_text("raise SystemExit('shadowed')\n")
    done = quire(repository, "read", "x", QUIRE_HOME=str(home), cwd=tmp_path)
    assert done.stdout == "fine\n", done.stderr


def test_read_needs_a_file(repository: Path) -> None:
    assert quire(repository, "read").returncode == 2


def test_interrupt_is_the_programs_to_handle(repository: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole terminal group: the program cleans up, the command waits for it."""
    program = (
        "import sys, time\ntry:\n    print('up', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
    )
    home = home_with(tmp_path, program + "    time.sleep(0.5)\n    print('cleaned up')\n    sys.exit(3)\n")
    command = subprocess.Popen(
        [sys.executable, "-m", "quire_endpoint.command", "read", "x"],
        env={**os.environ, "PYTHONPATH": str(repository), "QUIRE_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "up\n"
    os.killpg(command.pid, signal.SIGINT)
    said, _ = command.communicate(timeout=60)
    assert (said, command.returncode) == ("cleaned up\n", 3)


def test_program_that_does_not_exist_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUIRE_HOME", str(home_with(tmp_path, "")))
    assert run_program("quire.process.absent", []) == 1
