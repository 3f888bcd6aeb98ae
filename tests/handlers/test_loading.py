"""Handler programs: found, imported, and their four functions made alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quire.handlers.loading import load_handler, takes_context
from quire.handlers.program import BUILT_IN, find_program
from quire.words.errors import SettingsError
from quire.words.settings import Settings

WITHOUT_CONTEXT = """
def model_fn(model_dir): return ("model", model_dir)
def input_fn(body, content_type): return ("input", body, content_type)
def predict_fn(request, model): return ("predict", request, model)
def output_fn(prediction, accept): return ("output", prediction, accept)
"""
WITH_CONTEXT = WITHOUT_CONTEXT.replace("):", ", context):").replace('", ', '", context, ')


def program(directory: Path, text: str) -> Path:
    path = directory / "inference.py"
    path.write_text(text)
    return path


def test_the_built_in_handler_loads() -> None:
    handler = load_handler(find_program(Settings.from_environ({})))
    assert handler.predict_fn.__module__ == "inference"


def test_functions_with_and_without_context_are_called_alike(tmp_path: Path) -> None:
    context: Any = "the context"
    body: Any = "body"
    without: Any = load_handler(program(tmp_path, WITHOUT_CONTEXT))
    assert without.model_fn("dir", context) == ("model", "dir")
    assert without.input_fn(body, "type", context) == ("input", "body", "type")
    assert without.predict_fn("request", "model", context) == ("predict", "request", "model")
    assert without.output_fn("reading", "accept", context) == ("output", "reading", "accept")
    within: Any = load_handler(program(tmp_path, WITH_CONTEXT))
    assert within.model_fn("dir", context) == ("model", "the context", "dir")
    assert within.output_fn("reading", "accept", context) == ("output", "the context", "reading", "accept")


def test_any_way_to_take_a_context_counts() -> None:
    assert takes_context(lambda a, b, context: None, 2)
    assert takes_context(lambda a, b, context=None: None, 2)
    assert takes_context(lambda *arguments: None, 2)
    assert not takes_context(lambda a, b: None, 2)
    assert not takes_context(lambda a, b, *, context=None: None, 2)
    with pytest.raises(SettingsError, match="neither 2 nor 3"):
        takes_context(lambda a: None, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("def model_fn(", "SyntaxError"),
        (WITHOUT_CONTEXT.replace("predict_fn", "predicts"), "no function predict_fn"),
        (WITHOUT_CONTEXT.replace("(request, model)", "(request)"), "predict_fn"),
    ],
)
def test_a_broken_program_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_handler(program(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_program_is_refused_not_ignored(tmp_path: Path) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    program(tmp_path / "model" / "code", WITHOUT_CONTEXT)
    with pytest.raises(SettingsError, match="serves its built-in handler only"):
        find_program(Settings.from_environ({"SAGEMAKER_BASE_DIR": str(tmp_path)}))


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path), "SAGEMAKER_PROGRAM": "mine.py"}
    with pytest.raises(SettingsError, match=r"mine\.py"):
        find_program(Settings.from_environ(environ))


def test_without_a_users_program_the_built_in_serves(tmp_path: Path) -> None:
    assert find_program(Settings.from_environ({"SAGEMAKER_BASE_DIR": str(tmp_path)})) == BUILT_IN
