"""Where does a user's page model stand in the code that came with the model, and how is it imported?
Free of torch."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quire.engine.port import DeviceLost
from quire.models.model_folder import ModelFolderError
from quire.words.errors import SettingsError
from quire.words.settings import Settings
from quire.words.user_code import code_folders, defined_names, find_user_program

PAGE_MODEL_FUNCTION = "page_model_fn"
"""`page_model_fn(model_dir, settings)`, or without `settings`: gives the page model."""

_ENTRY = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")
_MAX_REASON_CHARACTERS = 500


class PageModelBroken(ModelFolderError):
    """The user's page model cannot be imported, made or run; the message says what and where."""


@dataclass(frozen=True)
class PageModelEntry:
    """`module:name` of what gives the page model; the module lies in `folder`."""

    folder: Path
    entry: str


def page_model_function(settings: Settings) -> PageModelEntry | None:
    """page_model_fn, where the user's program defines it. Nothing is imported. Raises PageModelBroken for a
    program that cannot be parsed."""
    program = find_user_program(settings)
    if program is None:
        return None
    folder = next(folder for folder in code_folders(settings) if program.is_relative_to(folder))
    try:
        is_there = PAGE_MODEL_FUNCTION in defined_names(program, folder)
    except SettingsError as error:
        raise PageModelBroken(str(error)) from error
    module = ".".join(program.relative_to(folder).with_suffix("").parts)
    return PageModelEntry(folder, f"{module}:{PAGE_MODEL_FUNCTION}") if is_there else None


def is_entry(text: str) -> bool:
    """Whether it is written `module:name`."""
    return _ENTRY.fullmatch(text) is not None


def imported(entry: str, folder: Path) -> Callable[..., Any]:
    """What `entry` stands for, with `folder` and its lib/ first on sys.path. Raises PageModelBroken."""
    parsed = _ENTRY.fullmatch(entry)
    if parsed is None:
        raise PageModelBroken(f"{entry!r} is not written module:Class")
    sys.path[:0] = [str(folder), str(folder / "lib")]
    # The model folder is not ours to write to.
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        name = parsed["module"]
        module = users_own(f"importing {name}", folder, lambda: importlib.import_module(name))
    finally:
        sys.dont_write_bytecode = kept
    found = getattr(module, parsed["name"], None)
    if not callable(found):
        raise PageModelBroken(f"{module.__file__} has no class or function {parsed['name']}")
    checked: Callable[..., Any] = found
    return checked


def users_own(doing: str, folder: Path, call: Callable[[], Any]) -> Any:
    """What the user's code gives. Whatever it raises becomes one sentence: PageModelBroken. DeviceLost goes
    through: it is no fault of the code's."""
    try:
        return call()
    except (PageModelBroken, DeviceLost):
        raise
    except (Exception, SystemExit) as error:
        raise PageModelBroken(f"{doing} failed{_place(error, folder)}: {_described(error)}") from error


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_MAX_REASON_CHARACTERS]


def _place(error: BaseException, folder: Path) -> str:
    """The innermost line of the user's own code, where the error passed one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f" at {Path(own[-1].filename).relative_to(folder)}:{own[-1].lineno}" if own else ""
