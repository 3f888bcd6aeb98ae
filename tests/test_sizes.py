"""Files and functions stay small, and no suppression hides one that did not."""

from __future__ import annotations

import ast
import io
import re
import statistics
import tokenize

import pytest

from tests.sources import SourceFile, source_files

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40
MAX_MEDIAN_FUNCTION_LINES = 10

PRODUCT = source_files("code", "quire_endpoint")
EVERYTHING = [*PRODUCT, *source_files("tests", "bench", "docs")]
READ_AT_A_SITTING = [*PRODUCT, *source_files("bench", "docs")]

_SIZE_RULES = re.compile(r"noqa:.*\b(C901|PLR09\d\d|E501)")
_BARE = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))")


def num_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring's."""
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    hidden = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - hidden


@pytest.mark.parametrize("file", READ_AT_A_SITTING, ids=lambda file: file.name)
def test_file_answers_one_question(file: SourceFile) -> None:
    assert len(file.text.splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: file.name)
def test_functions_are_short(file: SourceFile) -> None:
    long = {function.name: num_lines(function) for function in file.functions()}
    assert not {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES}


def test_median_function_is_very_short() -> None:
    lines = [num_lines(function) for file in PRODUCT for function in file.functions()]
    assert len(lines) > 100
    assert statistics.median(lines) < MAX_MEDIAN_FUNCTION_LINES


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: file.name)
def test_suppressions_name_a_rule_and_none_of_size(file: SourceFile) -> None:
    for comment in _comments(file):
        assert not _SIZE_RULES.search(comment), comment
        assert not _BARE.search(comment), comment


def test_every_module_says_which_question_it_answers() -> None:
    assert not [file.name for file in EVERYTHING if not ast.get_docstring(file.tree)]


def test_docstrings_do_not_count_as_lines() -> None:
    function = ast.parse('def f():\n    """One.\n\n    Two."""\n    return 1\n').body[0]
    assert isinstance(function, ast.FunctionDef)
    assert num_lines(function) == 2


def _comments(file: SourceFile) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(file.text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
