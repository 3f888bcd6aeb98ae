"""A handler's program, imported, and its functions made alike."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from quire.handlers.context import ModelContext, RequestContext
from quire.handlers.program import ARGUMENTS, Program
from quire.handlers.spooling import SpooledBody
from quire.words.errors import SettingsError


@dataclass(frozen=True)
class Handler:
    """The built-in handler's four functions, each now taking the context last."""

    model_fn: Callable[[str, ModelContext], Any]
    input_fn: Callable[[SpooledBody, str | None, RequestContext], Any]
    predict_fn: Callable[[Any, Any, RequestContext], Any]
    output_fn: Callable[[Any, str | None, RequestContext], tuple[bytes, str]]


def load_handler(program: Program) -> Handler:
    """The built-in program. Raises SettingsError, in one line, where it lacks a function."""
    functions = load_functions(program)
    missing = sorted(Handler.__annotations__.keys() - functions.keys())
    if missing:
        raise SettingsError(f"{program.path} has no function {missing[0]}")
    return Handler(**functions)


def load_functions(program: Program) -> dict[str, Callable[..., Any]]:
    """Those functions of the contract that the program has, each now taking the context last. Raises
    SettingsError, in one line, for a program that cannot be imported or has wrong signatures."""
    module = _import(program)
    found = {name: getattr(module, name, None) for name in ARGUMENTS}
    return {name: _alike(name, function, program.path) for name, function in found.items() if function}


def one_line(error: BaseException) -> str:
    """`Type: its message's first line`."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _import(program: Program) -> ModuleType:
    """Under its own name in sys.modules: what is pickled of it, or looks its annotations up, needs that."""
    name, path = program.module, program.path
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise SettingsError(f"{path} cannot be imported: {one_line(error)}") from error
    return module


def _alike(name: str, function: object, path: Path) -> Callable[..., Any]:
    if not callable(function):
        raise SettingsError(f"{path}: {name} is no function")
    if inspect.iscoroutinefunction(function):
        raise SettingsError(f"{path}: {name} is async; a handler's functions are called and waited for")
    try:
        takes = takes_context(function, ARGUMENTS[name])
    except SettingsError as error:
        raise SettingsError(f"{path}: {name}{error}") from None
    return function if takes else lambda *arguments: function(*arguments[:-1])


def takes_context(function: Callable[..., Any], num_arguments: int) -> bool:
    """Whether it can be called with one argument more. Raises SettingsError when it takes neither."""
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise SettingsError(f": {error}") from None
    for extra in (1, 0):
        try:
            signature.bind(*range(num_arguments + extra))
        except TypeError:
            continue
        return bool(extra)
    raise SettingsError(f"{signature} takes neither {num_arguments} nor {num_arguments + 1} arguments")
