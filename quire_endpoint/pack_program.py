"""Which file of code/ is the program, and which names does it define? The container's own rule
(quire.words.user_code), for a folder that is still elsewhere: parsed, never imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from quire_endpoint.pack_files import CannotPack, PackedFile

HANDLER_FUNCTIONS = frozenset(
    ("pre_model_fn", "model_fn", "model_warmup_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
)
PAGE_MODEL_FUNCTION = "page_model_fn"

CODE = "code"
DEFAULT_PROGRAM = f"{CODE}/inference.py"

_LIBRARIES = f"{CODE}/lib/"
"""Other people's modules: none of them is the program."""

_MAX_STAR_DEPTH = 4

Files = Mapping[str, PackedFile]


@dataclass(frozen=True)
class Program:
    """`name` is the path in the model folder. `is_open` where it takes all names of a module that is not in
    code/: nobody here knows which."""

    name: str
    defined: frozenset[str]
    is_open: bool

    @property
    def setting(self) -> str:
        """What SAGEMAKER_PROGRAM is to say."""
        inner = self.name.removeprefix(f"{CODE}/")
        return inner.removesuffix(".py").replace("/", ".") if "/" in inner else inner

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT_PROGRAM

    @property
    def functions(self) -> frozenset[str]:
        """Of those that the container calls."""
        return self.defined & (HANDLER_FUNCTIONS | {PAGE_MODEL_FUNCTION})


def find_programs(by_name: Files) -> list[Program]:
    """inference.py where it could serve; else every file that SAGEMAKER_PROGRAM might name, those at the root
    of code/ before those of packages. Raises CannotPack for no Python."""
    default = read_program(DEFAULT_PROGRAM, by_name) if DEFAULT_PROGRAM in by_name else None
    if default and (default.functions or default.is_open):
        return [default]
    at_root = (name for name in by_name if _is_module(name) and name.count("/") == 1)
    found = [program for name in at_root if (program := read_program(name, by_name)).functions]
    return found or list(_programs_in_packages(by_name))


def _programs_in_packages(by_name: Files) -> Iterator[Program]:
    """What cannot be parsed is passed over: it may be anyone's."""
    for name in by_name:
        if _is_module(name) and name.count("/") > 1 and not name.startswith(_LIBRARIES):
            try:
                program = read_program(name, by_name)
            except CannotPack:
                continue
            if program.functions:
                yield program


def _is_module(name: str) -> bool:
    return name.startswith(f"{CODE}/") and name.endswith(".py")


def read_program(name: str, by_name: Files) -> Program:
    """Raises CannotPack for no Python."""
    found = list(_names(name, by_name, _MAX_STAR_DEPTH))
    return Program(name, frozenset(found) - {"*"}, is_open="*" in found)


def _names(name: str, by_name: Files, depth: int) -> Iterator[str]:
    """`*` for the names of a module that is not there."""
    for node in _top_level(_parsed(by_name[name]).body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _assigned(node)
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield from _star_names(node, name, by_name, depth)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _star_names(node: ast.ImportFrom, name: str, by_name: Files, depth: int) -> Iterator[str]:
    source = _star_source(node, name, by_name)
    if source and depth:
        yield from _names(source, by_name, depth - 1)
    elif not source and not _is_standard(node):
        yield "*"


def _star_source(node: ast.ImportFrom, name: str, by_name: Files) -> str | None:
    """The file of code/ behind `from x import *`. Of one name, a package stands before a module."""
    above = PurePosixPath(name).parents
    if node.level >= len(above):
        return None
    place = above[node.level - 1] if node.level else PurePosixPath(CODE)
    module = place.joinpath(*(node.module or "").split("."))
    spellings = (f"{module}/__init__.py", f"{module}.py")
    return next((spelling for spelling in spellings if spelling in by_name), None)


def _is_standard(node: ast.ImportFrom) -> bool:
    """Python's own modules define nothing that the container calls."""
    return not node.level and (node.module or "").partition(".")[0] in sys.stdlib_module_names


def _parsed(file: PackedFile) -> ast.Module:
    try:
        return ast.parse(file.source.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise CannotPack(f"{file.source} is no Python: {error}") from error


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the file is imported, save those of loops."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _top_level(node.body)
            yield from _top_level(getattr(node, "orelse", []))
            yield from _top_level(getattr(node, "finalbody", []))
            for handler in getattr(node, "handlers", []):
                yield from _top_level(handler.body)


def _assigned(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if node.value else []
    for target in targets:
        yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
