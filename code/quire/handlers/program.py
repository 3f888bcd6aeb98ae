"""Which file holds the handler's functions, and which of them does it define? Imports nothing of it: the
supervisor asks before it starts anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quire.words.errors import SettingsError
from quire.words.quire_json import PAGE_MODEL_TASK, asked_task
from quire.words.settings import Settings
from quire.words.user_code import code_folders, defined_names, find_user_program

BUILT_IN = Path(__file__).resolve().parents[2] / "inference.py"

ARGUMENTS = {
    "pre_model_fn": 1,
    "model_fn": 1,
    "model_warmup_fn": 2,
    "input_fn": 2,
    "predict_fn": 2,
    "output_fn": 2,
    "transform_fn": 4,
}
"""The contract's functions → how many arguments each takes before the optional `context`."""

PAGE_MODEL_FUNCTION = "page_model_fn"


@dataclass(frozen=True)
class Program:
    """`functions` are those of the contract that the file defines, read from its text. `module` is the name
    that it is imported by."""

    path: Path
    is_built_in: bool
    functions: frozenset[str]
    module: str = BUILT_IN.stem

    @property
    def folder(self) -> Path:
        """Where its own modules lie: the path less the module's parts."""
        return self.path.parents[self.module.count(".")]

    @property
    def needs_engine(self) -> bool:
        """A handler with a model of its own keeps none of ours in memory."""
        return "model_fn" not in self.functions or self.is_built_in

    @property
    def runs_in_workers(self) -> bool:
        """Never in the process that answers /ping."""
        return not self.is_built_in


def find_program(settings: Settings) -> Program:
    """The user's program where it holds functions of the contract, else the built-in one. Raises
    SettingsError for one that is not there, cannot be parsed, or defines nothing that could be served."""
    path = find_user_program(settings)
    if path is not None:
        return _users_program(path, settings)
    if settings.program.removesuffix(".py") != BUILT_IN.stem:
        missing = settings.model_dir / "code" / settings.program
        raise SettingsError(f"SAGEMAKER_PROGRAM={settings.program!r}: there is no {missing}")
    return _built_in()


def _built_in() -> Program:
    return Program(BUILT_IN, True, defined_names(BUILT_IN) & set(ARGUMENTS))


def _users_program(path: Path, settings: Settings) -> Program:
    folder = next(folder for folder in code_folders(settings) if path.is_relative_to(folder))
    module = ".".join(path.relative_to(folder).with_suffix("").parts)
    names = defined_names(path, folder)
    functions = names & set(ARGUMENTS)
    # A class that quire.json names may stand in the program too.
    if PAGE_MODEL_FUNCTION in names or asked_task(settings.model_dir) == PAGE_MODEL_TASK:
        if "model_fn" in functions:
            raise SettingsError(f"{path} defines model_fn beside a page model: one model is served")
        if not functions:
            return _built_in()
    elif not functions:
        raise SettingsError(f"{path} defines none of {', '.join(ARGUMENTS)} and no {PAGE_MODEL_FUNCTION}")
    return Program(path, False, functions, module)
