"""code/requirements.txt: installed once beside the run's files, skipped where satisfied, else one line."""

from __future__ import annotations

import logging
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
    (code / "requirements.txt").write_text("\n".join(lines) + "\n")


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
