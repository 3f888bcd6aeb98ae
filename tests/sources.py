"""The product's own source files, parsed: what the tests of the house look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class SourceFile:
    """A Python file, known by its path from the repository's root and by its dotted name."""

    path: Path
    module: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    def imports(self) -> Iterator[str]:
        """Every module that is imported, at any depth of the file: `a.b` of `import a.b`, `a.b` and `a.b.c`
        of `from a.b import c`, since `c` may be a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    raise AssertionError(f"{self.name}:{node.lineno}: imports are absolute here")
                yield str(node.module)
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def source_files(*folders: str) -> list[SourceFile]:
    """The Python files of `folders`, which name places beneath the repository's root."""
    return [
        SourceFile(path, _module(path))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "code" else parts
    return ".".join(parts).removesuffix(".__init__")
