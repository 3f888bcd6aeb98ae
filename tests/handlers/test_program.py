"""Which program is served, and what its text says of it before anything of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire.handlers.program import BUILT_IN, Program, find_program
from quire.words.errors import SettingsError
from quire.words.settings import Settings

ONE_LINE = "def predict_fn(data, model): ...\n"


def found(base: Path, **environ: str) -> Program:
    return find_program(Settings.from_environ({"SAGEMAKER_BASE_DIR": str(base), **environ}))


def write(base: Path, name: str, text: str = ONE_LINE) -> Path:
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_users_program_the_built_in_serves(tmp_path: Path) -> None:
    program = found(tmp_path)
    assert program.path == BUILT_IN
    assert program.is_built_in
    assert program.needs_engine
    assert not program.runs_in_workers


def test_the_models_own_code_stands_before_one_that_was_baked_into_the_image(tmp_path: Path) -> None:
    baked = write(tmp_path, "code/inference.py")
    assert found(tmp_path).path == baked
    own = write(tmp_path, "model/code/inference.py")
    assert found(tmp_path).path == own
    assert found(tmp_path).folder == own.parent
    assert found(tmp_path).runs_in_workers


@pytest.mark.parametrize(
    ("program", "file", "module"),
    [
        ("mine.py", "mine.py", "mine"),
        ("mine", "mine.py", "mine"),
        ("serving.mine", "serving/mine.py", "serving.mine"),
    ],
)
def test_the_program_may_be_named_as_the_toolkit_names_it(
    tmp_path: Path, program: str, file: str, module: str
) -> None:
    path = write(tmp_path, f"model/code/{file}")
    named = found(tmp_path, SAGEMAKER_PROGRAM=program)
    assert (named.path, named.module, named.folder) == (path, module, tmp_path / "model" / "code")


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SAGEMAKER_PROGRAM='mine\.py': there is no .*mine\.py"):
        found(tmp_path, SAGEMAKER_PROGRAM="mine.py")


def test_code_without_a_program_leaves_the_built_in(tmp_path: Path) -> None:
    write(tmp_path, "model/code/page_model_of_mine.py")
    assert found(tmp_path).is_built_in


def test_a_model_of_its_own_needs_no_engine(tmp_path: Path) -> None:
    write(tmp_path, "model/code/inference.py", ONE_LINE + "def model_fn(model_dir): ...\n")
    assert not found(tmp_path).needs_engine
    write(tmp_path, "model/code/inference.py", ONE_LINE)
    assert found(tmp_path).needs_engine


@pytest.mark.parametrize(
    "text",
    [
        "def model_fn(model_dir): ...",
        "model_fn = load = lambda model_dir: None",
        "model_fn: object = print",
        "from pickle import loads as model_fn",
        "try:\n    import torch\nexcept ImportError:\n    model_fn = None\nelse:\n    def model_fn(d): ...",
        "if True:\n    pass\nelse:\n    with open('x'):\n        def model_fn(d): ...",
        "from functions import *",
        "from .functions import *",
        "from package.functions import *",
    ],
)
def test_functions_are_seen_however_they_are_defined(tmp_path: Path, text: str) -> None:
    write(tmp_path, "model/code/functions.py", "def model_fn(d): ...")
    write(tmp_path, "model/code/package/functions.py", "from functions import *")
    write(tmp_path, "model/code/package/__init__.py", "raise RuntimeError('this was imported')")
    write(tmp_path, "model/code/inference.py", text)
    assert found(tmp_path).functions == {"model_fn"}


@pytest.mark.parametrize(
    "text",
    [
        "def model(): \n    def model_fn(d): ...",
        "class Handler:\n    def model_fn(d): ...",
        "'model_fn'",
        "from functions import model",
        "from nowhere_to_be_found import *",
        "model_fn: object",
    ],
)
def test_what_only_looks_like_a_function_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, "model/code/inference.py", ONE_LINE + text)
    assert found(tmp_path).functions == {"predict_fn"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def model_fn(", "cannot be parsed: line 1"),
        ("x = 1", "defines none of pre_model_fn, model_fn"),
        ("def predict(data, model): ...", "defines none of"),
        ("def page_model_fn(d, s): ...\ndef model_fn(d): ...", "model_fn beside a page model"),
    ],
)
def test_a_program_that_cannot_serve_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path, "model/code/inference.py", text)
    with pytest.raises(SettingsError) as caught:
        found(tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_page_model_that_quire_json_names_may_stand_in_the_program(tmp_path: Path) -> None:
    write(tmp_path, "model/quire.json", '{"task": "page-model", "class": "inference:Kind"}')
    write(tmp_path, "model/code/inference.py", "class Kind: ...")
    assert found(tmp_path).is_built_in


def test_a_page_model_alone_leaves_the_built_in_handler(tmp_path: Path) -> None:
    write(tmp_path, "model/code/inference.py", "def page_model_fn(model_dir, settings): ...")
    assert found(tmp_path).is_built_in
    write(tmp_path, "model/code/inference.py", "def page_model_fn(d, s): ...\ndef output_fn(p, a): ...")
    assert found(tmp_path).runs_in_workers
    assert found(tmp_path).needs_engine
