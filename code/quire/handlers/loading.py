"""The four functions of a handler's program, found and made alike."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from quire.handlers.context import ModelContext, RequestContext
from quire.handlers.spooling import SpooledBody
from quire.words.errors import SettingsError

_ARGUMENTS = {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2}
"""Function → how many arguments it takes before the optional `context`."""


@dataclass(frozen=True)
class Handler:
    """The contract's four functions, each now taking the context last."""

    model_fn: Callable[[str, ModelContext], Any]
    input_fn: Callable[[SpooledBody, str | None, RequestContext], Any]
    predict_fn: Callable[[Any, Any, RequestContext], Any]
    output_fn: Callable[[Any, str | None, RequestContext], tuple[bytes, str]]


def load_handler(program: Path) -> Handler:
    """Raises SettingsError, in one line, for a program that cannot be imported or lacks a function."""
    module = _import(program)
    return Handler(**{name: _function(module, name, program) for name in _ARGUMENTS})


def _import(program: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(program.stem, program)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{program} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SettingsError(f"{program} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _function(module: ModuleType, name: str, program: Path) -> Callable[..., Any]:
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise SettingsError(f"{program} has no function {name}")
    if takes_context(function, _ARGUMENTS[name]):
        return function
    return lambda *arguments: function(*arguments[:-1])


def takes_context(function: Callable[..., Any], num_arguments: int) -> bool:
    """Whether it can be called with one argument more. Raises SettingsError when it takes neither."""
    signature = inspect.signature(function)
    for extra in (1, 0):
        try:
            signature.bind(*range(num_arguments + extra))
        except TypeError:
            continue
        return bool(extra)
    raise SettingsError(
        f"{function.__name__}{signature} takes neither {num_arguments} nor {num_arguments + 1} arguments"
    )
