"""Which lines of a requirements.txt must pip see again, when it installs exactly what it has resolved? And
which would be lost then: those are refused by name."""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quire.words.errors import SettingsError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMENT = re.compile(r"(^|\s+)#.*$")
_CONTINUED = re.compile(r"\\\n\s*")
_NESTED = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(.+)")
_OPTIONS = re.compile(
    r"-[if]|--(index-url|extra-index-url|find-links|no-index|trusted-host|pre|no-binary|only-binary"
    r"|prefer-binary|require-hashes)\b"
)
_FIND_LINKS = re.compile(r"(?:-f|--find-links)[\s=]*(.+)")
_HASH = re.compile(r"\s--hash[\s=]")
_OPTION_OF_ONE = re.compile(r"\s--?(?!hash\b)[a-z][a-z-]*")
_DIRECT = re.compile(r"/|\.(whl|zip|tar\.gz|tar\.bz2|tgz)\b")


@dataclass(frozen=True)
class RequirementLines:
    """Of the file and those it names: `options` say where packages come from, `direct` are packages by their
    addresses, and `has_hashes` where pip shall install nothing without one."""

    options: tuple[str, ...]
    direct: tuple[str, ...]
    has_hashes: bool


def read_requirements(path: Path) -> RequirementLines:
    """Raises SettingsError for a line that is not known to survive, and OSError or ValueError for a file that
    cannot be read."""
    lines = list(_lines(path))
    nested = list(_nested_lines(path, lines, {path.resolve()}))
    for line in (*lines, *nested):
        _check(path, line)
    for line in nested:
        if _OPTIONS.match(line) or _is_direct(line):
            raise SettingsError(f"{path}: {line!r:.120} must stand in requirements.txt itself")
    return RequirementLines(
        options=tuple(_placed(path, line) for line in lines if _OPTIONS.match(line)),
        direct=tuple(line for line in lines if _is_direct(line)),
        has_hashes=any(_HASH.search(line) or line == "--require-hashes" for line in (*lines, *nested)),
    )


def _lines(path: Path) -> Iterator[str]:
    """Without comments; what a backslash continues is one."""
    text = _decoded(path.read_bytes()).replace("\r\n", "\n")
    stripped = (_COMMENT.sub("", line).strip() for line in _CONTINUED.sub(" ", text).splitlines())
    yield from filter(None, stripped)


def _decoded(data: bytes) -> str:
    """As pip does it. Raises UnicodeDecodeError."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    return data.decode()


def _nested_lines(path: Path, lines: list[str], seen: set[Path]) -> Iterator[str]:
    """Of all files below, each once."""
    for line in lines:
        found = _NESTED.match(line)
        if found is None:
            continue
        if "://" in found[1]:
            raise SettingsError(f"{path}: {line!r:.120} is at an address; put it beside the handler")
        below = (path.parent / found[1].strip("\"'")).resolve()
        if below not in seen:
            seen.add(below)
            inner = list(_lines(below))
            yield from inner
            yield from _nested_lines(below, inner, seen)


def _check(path: Path, line: str) -> None:
    is_known = _OPTIONS.match(line) or _NESTED.match(line) if line.startswith("-") else True
    if not is_known or (not line.startswith("-") and _OPTION_OF_ONE.search(line)):
        raise SettingsError(
            f"{path}: {line!r:.120} has an option that is not kept here; name the package, or its folder as "
            "./folder, or put it into code/lib"
        )


def _placed(path: Path, option: str) -> str:
    """A folder of packages lies beside this file, not beside the one that is made of it."""
    found = _FIND_LINKS.match(option)
    if found is None or not (path.parent / found[1]).exists():
        return option
    return f"--find-links {shlex.quote(str((path.parent / found[1]).resolve()))}"


def _is_direct(line: str) -> bool:
    return not line.startswith("-") and _DIRECT.search(line) is not None
