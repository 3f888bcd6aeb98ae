"""Where does a user's code lie, and which names does it define? It is parsed, never imported: the supervisor
and the engine ask before anything of the user's may run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from quire.words.errors import SettingsError
from quire.words.settings import Settings

_MAX_STAR_DEPTH = 4


def code_folders(settings: Settings) -> tuple[Path, ...]:
    """Where a handler may lie, the model's own code/ before one that was baked into the image."""
    return (settings.model_dir / "code", Path(settings.base_dir) / "code")


def code_folder(settings: Settings) -> Path | None:
    """The first of them that exists: what is in it goes on sys.path."""
    return next((folder for folder in code_folders(settings) if folder.is_dir()), None)


def find_user_program(settings: Settings) -> Path | None:
    """The file that SAGEMAKER_PROGRAM names (`inference.py`, `inference`, `package.module`), if it exists."""
    name = settings.program.removesuffix(".py")
    spellings = (f"{name}.py", name.replace(".", "/") + ".py")
    places = (folder / spelling for folder in code_folders(settings) for spelling in spellings)
    return next((place for place in places if place.is_file()), None)


def defined_names(program: Path, root: Path | None = None) -> frozenset[str]:
    """What stands at the file's top level, in its `if`, `try` and `with` too: definitions, assignments and
    imports; `from x import *` is followed into x, where `root`, by default the file's folder, holds it.
    Raises SettingsError for a file that cannot be parsed."""
    return frozenset(_names(program, root or program.parent, _MAX_STAR_DEPTH))


def _names(file: Path, root: Path, depth: int) -> Iterator[str]:
    for node in _top_level(_parsed(file).body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _assigned(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (name for name in _bound(node) if name != "*")
            if depth and isinstance(node, ast.ImportFrom) and (source := _star_source(node, file, root)):
                yield from _names(source, root, depth - 1)


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        reason = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
        raise SettingsError(f"{file} cannot be parsed: {reason}") from error


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


def _bound(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    return ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _star_source(node: ast.ImportFrom, file: Path, root: Path) -> Path | None:
    """The file behind `from x import *`, found without importing a part of it."""
    if node.names[0].name != "*":
        return None
    places = [str(file.parents[node.level - 1])] if node.level else [str(root), *sys.path]
    origin = None
    for part in (node.module or "__init__").split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            return None
        origin, places = spec.origin, list(spec.submodule_search_locations or ())
    return Path(origin) if origin and origin.endswith(".py") else None
