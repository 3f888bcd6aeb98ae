"""Handler programs: imported, and their functions made alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quire.handlers.loading import load_functions, load_handler, takes_context
from quire.handlers.program import Program, find_program
from quire.words.errors import SettingsError
from quire.words.settings import Settings

WITHOUT_CONTEXT = """
def model_fn(model_dir): return ("model", model_dir)
def input_fn(body, content_type): return ("input", body, content_type)
def predict_fn(request, model): return ("predict", request, model)
def output_fn(prediction, accept): return ("output", prediction, accept)
"""
WITH_CONTEXT = WITHOUT_CONTEXT.replace("):", ", context):").replace('", ', '", context, ')


def program(directory: Path, text: str, module: str = "a_handler_of_the_tests") -> Program:
    path = directory / f"{module}.py"
    path.write_text(text)
    return Program(path, True, frozenset(), module)


@pytest.fixture(autouse=True)
def no_module_left_behind() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "of_the_tests" in name:
            del sys.modules[name]


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
        (
            WITHOUT_CONTEXT.replace("(request, model)", "(request)"),
            "predict_fn(request) takes neither 2 nor 3",
        ),
        (WITHOUT_CONTEXT + "predict_fn = 'predict'", "predict_fn is no function"),
        ("async def predict_fn(data, model): ...", "predict_fn is async"),
        ("predict_fn = getattr", "predict_fn: no signature found"),
        ("raise ValueError('one line\\nand another')", "ValueError: one line"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_broken_program_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_handler(program(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_stands_under_its_own_name_while_it_is_imported(tmp_path: Path) -> None:
    text = "import sys\nfrom dataclasses import dataclass\n@dataclass\nclass Weights:\n    scale: 'float'\n"
    load_functions(program(tmp_path, text))
    module: Any = sys.modules["a_handler_of_the_tests"]
    assert module.Weights(2.0).scale == 2.0


def test_a_program_that_fails_leaves_no_module_behind(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load_functions(program(tmp_path, "1 / 0"))
    assert "a_handler_of_the_tests" not in sys.modules


def test_a_function_that_is_none_counts_as_left_out(tmp_path: Path) -> None:
    functions = load_functions(program(tmp_path, WITHOUT_CONTEXT + "output_fn = None"))
    assert functions.keys() == {"model_fn", "input_fn", "predict_fn"}
