"""code/requirements.txt: installed once beside the run's files, skipped where satisfied, else one line."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from quire.handlers.requirements import install_requirements
from quire.words.errors import SettingsError
from quire.words.settings import Settings
from tests.fakes.wheels import wheel

pytestmark = pytest.mark.usefixtures("pip_without_an_index")


@pytest.fixture
def pip_without_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that refuses connections: nothing outside is asked."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.delenv("PIP_RETRIES", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def settings(base: Path) -> Settings:
    return Settings.from_environ({"SAGEMAKER_BASE_DIR": str(base)})


def require(base: Path, *lines: str) -> None:
    code = base / "model" / "code"
    code.mkdir(parents=True, exist_ok=True)
    (code / "requirements.txt").write_text("\n".join(lines) + "\n", errors="surrogateescape")


def test_without_the_file_nothing_is_done(tmp_path: Path) -> None:
    assert install_requirements(settings(tmp_path), tmp_path) == ()
    assert not list(tmp_path.iterdir())


def test_what_is_there_already_is_not_fetched(tmp_path: Path) -> None:
    require(tmp_path, "# what the container has", "numpy>=1", "msgspec")
    assert install_requirements(settings(tmp_path), tmp_path) == ()
    assert not (tmp_path / "requirements").exists()


def test_what_is_missing_comes_with_what_it_needs_and_no_more(tmp_path: Path) -> None:
    wheels = tmp_path / "model" / "code" / "wheels"
    wheel(wheels, "of_the_tests_a", "of_the_tests_b", "numpy")
    wheel(wheels, "of_the_tests_b")
    require(tmp_path, "--no-index", "--find-links ./wheels", "of-the-tests-a==1.0", "msgspec")
    run = tmp_path / "run"
    run.mkdir()
    (target,) = install_requirements(settings(tmp_path), run)
    assert {path.name for path in target.iterdir() if path.suffix == ".py"} == {
        "of_the_tests_a.py",
        "of_the_tests_b.py",
    }
    assert not (target / "numpy").exists()
    assert sorted(path.name for path in (tmp_path / "model" / "code").iterdir()) == [
        "requirements.txt",
        "wheels",
    ]


def test_a_wheel_may_be_named_by_its_path(tmp_path: Path) -> None:
    wheel(tmp_path / "model" / "code", "of_the_tests_c")
    require(tmp_path, "./of_the_tests_c-1.0-py3-none-any.whl")
    (target,) = install_requirements(settings(tmp_path), tmp_path)
    assert (target / "of_the_tests_c.py").exists()


@pytest.mark.parametrize(
    "line", ["of_the_tests_f-1.0-py3-none-any.whl", "wheels/of_the_tests_f-1.0-py3-none-any.whl"]
)
def test_a_path_needs_no_dot_before_it(tmp_path: Path, line: str) -> None:
    wheel((tmp_path / "model" / "code" / line).parent, "of_the_tests_f")
    require(tmp_path, line)
    (target,) = install_requirements(settings(tmp_path), tmp_path)
    assert (target / "of_the_tests_f.py").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_with_a_byte_order_mark_is_read_as_pip_reads_it(tmp_path: Path, encoding: str) -> None:
    code = tmp_path / "model" / "code"
    wheel(code, "of_the_tests_g")
    text = "# für\n./of_the_tests_g-1.0-py3-none-any.whl\n"
    (code / "requirements.txt").write_bytes(text.encode(encoding))
    (target,) = install_requirements(settings(tmp_path), tmp_path)
    assert (target / "of_the_tests_g.py").exists()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_hashes_hold(tmp_path: Path) -> None:
    code, run = tmp_path / "model" / "code", tmp_path / "run"
    wheel(code, "of_the_tests_h")
    digest = sha256(code / "of_the_tests_h-1.0-py3-none-any.whl")
    require(tmp_path, "--no-index", "-f .", "of-the-tests-h==1.0 \\", f"    --hash=sha256:{digest}")
    run.mkdir()
    install_requirements(settings(tmp_path), run)
    assert f"of_the_tests_h==1.0 --hash=sha256:{digest}" in (run / "requirements.resolved.txt").read_text()
    require(tmp_path, "--no-index", "-f .", f"of-the-tests-h==1.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(SettingsError, match="HASH"):
        install_requirements(settings(tmp_path), tmp_path)


def test_files_that_the_file_names_are_read_too(tmp_path: Path) -> None:
    code = tmp_path / "model" / "code"
    wheel(code / "wheels", "of_the_tests_i")
    require(tmp_path, "--no-index", "--find-links=./wheels", "-r more.txt", "-c bounds.txt")
    (code / "more.txt").write_text("# more\nof-the-tests-i\n")
    (code / "bounds.txt").write_text("of-the-tests-i==1.0\n")
    (target,) = install_requirements(settings(tmp_path), tmp_path)
    assert (target / "of_the_tests_i.py").exists()


@pytest.mark.parametrize(
    ("lines", "more", "named"),
    [
        (["-e ./package"], "", "-e ./package"),
        (["--editable=./package"], "", "--editable=./package"),
        (["of-the-tests-j --config-settings=x=y"], "", "--config-settings"),
        (["-r more.txt"], "--index-url http://127.0.0.1:9/simple", "must stand in requirements.txt itself"),
        (["-r more.txt"], "./package.whl", "must stand in requirements.txt itself"),
        (["-r more.txt"], "-e ./package", "-e ./package"),
        (["-r http://127.0.0.1:9/more.txt"], "", "put it beside the handler"),
    ],
)
def test_what_would_be_lost_is_refused_by_name(
    tmp_path: Path, lines: list[str], more: str, named: str
) -> None:
    require(tmp_path, *lines)
    (tmp_path / "model" / "code" / "more.txt").write_text(f"{more}\n")
    with pytest.raises(SettingsError) as caught:
        install_requirements(settings(tmp_path), tmp_path)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_workers_install_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    wheel(tmp_path / "model" / "code", "of_the_tests_d")
    require(tmp_path, "./of_the_tests_d-1.0-py3-none-any.whl")
    found: list[tuple[Path, ...]] = []
    workers = [
        threading.Thread(target=lambda: found.append(install_requirements(settings(tmp_path), tmp_path)))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [(tmp_path / "requirements",)] * 2
    install_requirements(settings(tmp_path), tmp_path)
    assert [record.message for record in caplog.records] == ["requirements installed"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("of-the-tests-nowhere", "there is no network to fetch them; put them into code/lib"),
        ("--no-index\nof-the-tests-nowhere", "No matching distribution found for of-the-tests-nowhere"),
        ("not a requirement at all !", "cannot be installed: Invalid requirement"),
        ("-r missing.txt", "missing.txt"),
        ("\udcff", "'utf-8' codec can't decode"),
    ],
)
def test_what_cannot_be_installed_is_one_clear_line(tmp_path: Path, line: str, says: str) -> None:
    require(tmp_path, line)
    with pytest.raises(SettingsError) as caught:
        install_requirements(settings(tmp_path), tmp_path)
    assert says in str(caught.value)
    assert "requirements.txt" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_the_interpreter_is_not_changed(tmp_path: Path) -> None:
    wheel(tmp_path / "model" / "code", "of_the_tests_e")
    require(tmp_path, "./of_the_tests_e-1.0-py3-none-any.whl")
    install_requirements(settings(tmp_path), tmp_path)
    assert not [place for place in sys.path if (Path(place) / "of_the_tests_e.py").exists()]


def test_looking_for_pip_leaves_setuptools_its_distutils() -> None:
    """setuptools' finder takes a look for pip as pip's own start; building extensions breaks after that."""
    program = """
import sys
from pathlib import Path
from quire.handlers.requirements import pip_command

pip_command()
import setuptools
import distutils

assert "setuptools" in distutils.__file__, distutils.__file__
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "code")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
