"""The lock files pin everything that was asked for, by hash, and name no registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LOCKS = tuple(f"requirements{part}" for part in ("", "-dev", "-bench", "-model", "-image"))


def names(text: str) -> set[str]:
    """Normalised names of the distributions that begin a line."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)(?=[\[<>=\s]|$)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_what_was_asked_for(repository: Path, lock: str) -> None:
    asked, pinned = ((repository / f"{lock}.{kind}").read_text() for kind in ("in", "lock"))
    assert names(asked) <= names(pinned), "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_exact_and_hashed(repository: Path, lock: str) -> None:
    for entry in re.split(r"\n(?=\S)", (repository / f"{lock}.lock").read_text()):
        if not entry.startswith("#"):
            assert re.match(r"[\w.-]+==\S+", entry), entry[:80]
            assert "--hash=sha256:" in entry, entry[:80]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_registry_and_no_place(repository: Path, lock: str) -> None:
    assert not re.findall(r"https?:|file:/|--index|--extra|--find|--trusted|@", _text(repository, lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_torch_is_left_to_the_machine(repository: Path, lock: str) -> None:
    assert "torch" not in names(_text(repository, lock))


def test_locks_agree_on_every_version(repository: Path) -> None:
    pins: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", _text(repository, lock), re.MULTILINE):
            pins.setdefault(name, set()).add(version)
    assert not {name: versions for name, versions in pins.items() if len(versions) > 1}


def _text(repository: Path, lock: str) -> str:
    return (repository / f"{lock}.lock").read_text()
