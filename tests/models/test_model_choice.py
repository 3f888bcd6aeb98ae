"""Which model is served, by what lies in the model folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from quire.models.huggingface.folder import HuggingFaceChoice
from quire.models.model_choice import (
    PageModelChoice,
    ReaderChoice,
    StubChoice,
    choose_model,
    sees_every_page,
)
from quire.models.model_folder import ModelFolderError, default_model_dir
from quire.models.stub import StubOptions
from quire.words.settings import Settings
from tests.fakes.tiny_token_models import tiny_lilt


def settings_of(base: Path, **environ: str) -> Settings:
    return Settings.from_environ({"SAGEMAKER_BASE_DIR": str(base), **environ})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


@pytest.fixture
def code(folder: Path) -> Path:
    (folder / "code").mkdir()
    return folder / "code"


BUILT_IN = ReaderChoice(folder=str(default_model_dir()))


@pytest.mark.usefixtures("default_model")
def test_no_folder_and_an_empty_one_mean_the_built_in_model(settings: Settings) -> None:
    assert choose_model(settings) == BUILT_IN
    settings.model_dir.mkdir()
    assert choose_model(settings) == BUILT_IN
    (settings.model_dir / ".gitkeep").touch()
    assert choose_model(settings) == BUILT_IN


@pytest.mark.usefixtures("default_model")
def test_code_alone_keeps_the_built_in_model_and_its_own_files(settings: Settings, code: Path) -> None:
    (code / "inference.py").write_text("def output_fn(reading, accept): ...")
    assert choose_model(settings) == BUILT_IN
    (code.parent / "thresholds.json").write_text("{}")
    assert choose_model(settings) == BUILT_IN


def test_a_folder_with_a_manifest_is_served(settings: Settings, folder: Path, default_model: Path) -> None:
    (folder / "manifest.json").write_bytes((default_model / "manifest.json").read_bytes())
    assert choose_model(settings) == ReaderChoice(folder=str(folder))


def test_quire_json_asks_for_the_stub(settings: Settings, folder: Path) -> None:
    (folder / "quire.json").write_text('{"task": "stub", "options": {"max_items": 3}}')
    assert choose_model(settings) == StubChoice(task="stub", options=StubOptions(max_items=3))


def test_quire_json_asks_for_a_page_model(settings: Settings, folder: Path, code: Path) -> None:
    (folder / "quire.json").write_text('{"task": "page-model", "class": "a.b:C", "options": {"x": [1]}}')
    assert choose_model(settings) == PageModelChoice(
        folder=str(folder), code_folder=str(code), entry="a.b:C", options={"x": [1]}
    )


@pytest.mark.parametrize(
    ("file", "program", "entry"),
    [
        ("inference.py", "inference.py", "inference:page_model_fn"),
        ("mine.py", "mine", "mine:page_model_fn"),
        ("package/mine.py", "package.mine", "package.mine:page_model_fn"),
    ],
)
def test_a_program_with_page_model_fn_is_a_page_model(
    tmp_path: Path, code: Path, file: str, program: str, entry: str
) -> None:
    (code / file).parent.mkdir(exist_ok=True)
    (code / file).write_text("def page_model_fn(model_dir): ...")
    chosen = choose_model(settings_of(tmp_path, SAGEMAKER_PROGRAM=program))
    assert chosen == PageModelChoice(folder=str(code.parent), code_folder=str(code), entry=entry)


def test_code_baked_into_the_image_may_hold_it(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text("from mine import page_model_fn")
    chosen = choose_model(settings)
    assert isinstance(chosen, PageModelChoice)
    assert (chosen.folder, chosen.code_folder) == (str(tmp_path / "model"), str(tmp_path / "code"))


def test_a_hugging_face_folder_is_recognised(settings: Settings, folder: Path) -> None:
    tiny_lilt(folder)
    chosen = choose_model(settings)
    assert isinstance(chosen, HuggingFaceChoice)
    assert chosen.folder == str(folder)


def test_models_that_do_more_than_read_see_every_page(settings: Settings, folder: Path) -> None:
    assert not sees_every_page(BUILT_IN)
    assert not sees_every_page(StubChoice(task="stub"))
    assert sees_every_page(PageModelChoice(folder="", code_folder="", entry="a:b"))
    tiny_lilt(folder)
    assert sees_every_page(choose_model(settings))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "task None is unknown"),
        ("no json", "cannot be read"),
        ('{"task": 3}', "cannot be read"),
        ('{"task": "other"}', "task 'other' is unknown; known are 'page-model'"),
        ('{"task": "stub", "x": 1}', "cannot be read"),
        ('{"task": "page-model"}', "cannot be read.*class"),
        ('{"task": "page-model", "class": "Mine"}', "'Mine' is not written module:Class"),
        ('{"task": "page-model", "class": "a:B", "option": {}}', "cannot be read"),
        ('{"task": "page-model", "class": "a:B"}', "there is no .*code"),
    ],
)
def test_a_wrong_quire_json_is_named(settings: Settings, folder: Path, content: str, says: str) -> None:
    (folder / "quire.json").write_text(content)
    with pytest.raises(ModelFolderError, match=rf"quire\.json.*{says}"):
        choose_model(settings)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["weights.bin"], "holds weights.bin, but none of quire.json, manifest.json"),
        (["a", "b", "c", "d", "e", "f"], "holds a, b, c, d, e, …, but none"),
        (["inference.py", "model.pt"], "a handler belongs in .*code"),
        (["my-model/config.json"], "one folder too deep, in .*my-model"),
        (["my-model/code/inference.py"], "one folder too deep"),
    ],
)
def test_files_of_an_unknown_kind_are_not_passed_over_in_silence(
    settings: Settings, folder: Path, files: list[str], says: str
) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    with pytest.raises(ModelFolderError, match=says):
        choose_model(settings)


def test_a_config_that_names_no_model_is_named(settings: Settings, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"config\.json names neither"):
        choose_model(settings)


def test_a_program_that_is_no_python_is_named(settings: Settings, code: Path) -> None:
    (code / "inference.py").write_text("def page_model_fn(:")
    with pytest.raises(ModelFolderError, match=r"inference\.py cannot be parsed: line 1"):
        choose_model(settings)


def test_a_broken_manifest_is_named(settings: Settings, folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"manifest\.json"):
        choose_model(settings)


def test_choosing_needs_no_torch() -> None:
    absent = "import sys; sys.modules.update(torch=None, transformers=None); import quire.models.model_choice"
    subprocess.run([sys.executable, "-c", absent], env={"PYTHONPATH": ":".join(sys.path)}, check=True)
