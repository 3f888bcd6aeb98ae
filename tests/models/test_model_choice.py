"""Which model is served, by what lies in the model folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire.models.model_choice import ReaderChoice, StubChoice, choose_model
from quire.models.model_folder import ModelFolderError, default_model_dir
from quire.models.stub import StubOptions
from quire.words.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environ({"SAGEMAKER_BASE_DIR": str(tmp_path)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


@pytest.mark.usefixtures("default_model")
def test_no_folder_and_an_empty_one_mean_the_built_in_model(settings: Settings) -> None:
    built_in = ReaderChoice(folder=str(default_model_dir()))
    assert choose_model(settings) == built_in
    settings.model_dir.mkdir()
    assert choose_model(settings) == built_in


def test_a_folder_with_a_manifest_is_served(settings: Settings, folder: Path, default_model: Path) -> None:
    (folder / "manifest.json").write_bytes((default_model / "manifest.json").read_bytes())
    assert choose_model(settings) == ReaderChoice(folder=str(folder))


def test_quire_json_asks_for_the_stub(settings: Settings, folder: Path) -> None:
    (folder / "quire.json").write_text('{"task": "stub", "options": {"max_items": 3}}')
    assert choose_model(settings) == StubChoice(task="stub", options=StubOptions(max_items=3))


@pytest.mark.parametrize("content", ["{}", "no json", '{"task": "other"}', '{"task": "stub", "x": 1}'])
def test_a_wrong_quire_json_is_named(settings: Settings, folder: Path, content: str) -> None:
    (folder / "quire.json").write_text(content)
    with pytest.raises(ModelFolderError, match=r"quire\.json"):
        choose_model(settings)


def test_files_of_an_unknown_kind_are_not_passed_over_in_silence(settings: Settings, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match="neither"):
        choose_model(settings)


def test_a_broken_manifest_is_named(settings: Settings, folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"manifest\.json"):
        choose_model(settings)
